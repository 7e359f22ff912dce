"""What happens around the trials while Ray Tune runs them."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from methods.core.errors import BadInput
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.mirror import Mirror
from orchestrator.running import gpu_share
from orchestrator.running.progress import Board
from orchestrator.running.spending import Meter
from orchestrator.running.stop import Stop
from pipelines.trial import trial as checked

_STORAGE = (
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
    "Stale file handle",
    "cannot write",
)
"""In the last words of a trial whose records could not be written."""


class Watch(tune.Callback):
    """Passes every change of a trial's record on to the mirror and the board.

    It also writes down how a trial ended where the trial's own process cannot: stopped early, or dead.
    """

    def __init__(self, records: Ledger, mirror: Mirror, board: Board, stop: Stop) -> None:
        self._records, self._mirror, self._board, self._stop = records, mirror, board, stop
        self._meter = Meter(records)

    def __getstate__(self) -> dict[str, Any]:
        # Ray pickles callbacks to restore a run from them; this project restores from the records instead.
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self._changed(trial)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if not self._exceeded(trial):
            self._end(trial, ledger.STOPPED, "")

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        what = f"{trial.config['branch']} {trial.config['identity']}"
        if self._exceeded(trial):
            self._board.say(f"{what} needs more memory than {trial.config['gpu']:g} of a GPU, and goes on with more")
            return
        self._board.say(f"{what} broke off and goes on in another process: {_reason(trial)}")

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        reason = _reason(trial)
        if any(sign in reason for sign in _STORAGE):
            # Not the trial's fault: it stays as it is, and so do those that would fail after it.
            raise BadInput(f"{self._records.folder} fails ({reason}): mend that, then the same command continues")
        self._end(trial, ledger.FAILED, f"it broke off {trial.num_failures} times: {reason}")

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self._board.show()
        self._stop.check()
        self._meter.tick(trials)

    def _exceeded(self, trial: Trial) -> bool:
        """Whether a trial has run out of its share of a GPU: the searcher starts it again."""
        record = self._records.read(trial.config["identity"])
        return record is not None and gpu_share.exceeded(record.facts, trial.config["gpu"])

    def _end(self, trial: Trial, status: str, message: str) -> None:
        now = time.time_ns() // 1_000_000
        record = self._records.read(trial.config["identity"]) or _record(trial, now)
        if record.status == ledger.RUNNING:
            record.status, record.message, record.ended = status, message, now
            self._records.write(record)
        self._changed(trial)

    def _changed(self, trial: Trial) -> None:
        record = self._records.read(trial.config["identity"])
        if record is not None:
            self._board.update(record)
            self._mirror.changed(record.identity)


def _record(trial: Trial, now: int) -> Record:
    """The record of a trial whose process died before it could write one."""
    settings = trial.config["settings"]
    return Record(trial.config["identity"], checked(settings).configuration, settings, trial.config["role"], now)


def _reason(trial: Trial) -> str:
    """The last error, in its own words: Ray puts them at the end of a traceback, or at the beginning of an advice."""
    last = Path(trial.error_file).read_text().rpartition("Failure # ")[2]
    lines = [line.strip() for line in last.splitlines()[1:] if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Interrupt)\b: ", line)]
    return (raised or lines)[-1 if raised else 0]
