"""What happens around the trials while Ray Tune runs them."""

from __future__ import annotations

import time
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from orchestrator import ledger
from orchestrator.ledger import Ledger
from orchestrator.mirror import Mirror
from orchestrator.progress import Board


class Watch(tune.Callback):
    """Passes every change of a trial's record on to the mirror and the board.

    It also writes down how a trial ended where the trial's own process cannot: stopped early, or dead.
    """

    def __init__(self, records: Ledger, mirror: Mirror, board: Board) -> None:
        self._records, self._mirror, self._board = records, mirror, board

    def __getstate__(self) -> dict[str, Any]:
        # Ray pickles callbacks to restore a run from them; this project restores from the records instead.
        return {}

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self._changed(trial)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._end(trial, ledger.STOPPED, "")

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._end(trial, ledger.FAILED, f"its process died {trial.num_failures} times")

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self._board.show()

    def _end(self, trial: Trial, status: str, message: str) -> None:
        record = self._records.read(trial.config["identity"])
        if record is not None and record.status == ledger.RUNNING:
            record.status, record.message, record.ended = status, message, time.time_ns() // 1_000_000
            self._records.write(record)
        self._changed(trial)

    def _changed(self, trial: Trial) -> None:
        record = self._records.read(trial.config["identity"])
        if record is not None:
            self._board.update(record)
            self._mirror.changed(record.identity)
