"""A trial as Ray Tune runs it: one process after another trial, without starting anew."""

from __future__ import annotations

import os
import platform
import time
import traceback
from pathlib import Path
from typing import Any

from ray import tune

from orchestrator import ledger
from orchestrator.ledger import Ledger, Record
from orchestrator.study import Study
from pipelines import artifact
from pipelines.datasets.dataset import Arrays, from_arrays
from pipelines.metrics.evaluate import evaluate, monitor
from pipelines.train import device
from pipelines.training import NotFinite, Training
from pipelines.trial import trial as checked

_CHECKPOINT_SECONDS = 15.0


class StudyTrial(tune.Trainable):
    """One trial of a study; a step is the epochs between two reports.

    What it does is in its record, on disk, before Ray hears of it. A process that is killed is started again by Ray
    and continues from the checkpoint. An error of the trial's own (a term that is not finite, memory that does not
    suffice) ends this trial alone, as failed: to run it again would fail again.
    """

    def setup(
        self, config: dict[str, Any], *, arrays: Arrays, study: Study, folder: str, facts: dict[str, str]
    ) -> None:
        self._dataset = from_arrays(arrays)
        self._dataset.__dict__["checksum"] = facts["data_checksum"]  # no need to hash it in every process
        self._study, self._facts = study, facts
        self._ledger = Ledger(Path(folder))
        self._start(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._start(new_config)
        return True

    def step(self) -> dict[str, Any]:
        try:
            ended = self._record.status != ledger.RUNNING  # in a process that died before Ray heard of it
            entry = self._record.history[-1] if ended else self._advance()
        except Exception as error:
            self._fail(error)
            entry = {"epoch": 0}
        metric = self._study.metric
        return {
            "epoch": entry["epoch"],
            metric: entry.get(metric, float("nan")),
            "status": self._record.status,
            "done": self._record.status != ledger.RUNNING,
        }

    def _start(self, config: dict[str, Any]) -> None:
        self._trial = checked(config["settings"])
        self._folder = self._ledger.trial_folder(self._trial.identity)
        kept = self._ledger.read(self._trial.identity)
        self._record = kept or self._new_record(config["role"])
        self._checkpointed = time.monotonic()
        self._training: Training | None = None
        if self._record.status == ledger.RUNNING:
            self._ledger.write(self._record)

    def _new_record(self, role: str) -> Record:
        trial, facts = self._trial, self._facts | {"hostname": platform.node(), "process": str(os.getpid())}
        return Record(trial.identity, trial.configuration, trial.settings(), role, _now(), facts=facts)

    def _advance(self) -> dict[str, Any]:
        """Train until the next report, or to the end, and write both down."""
        training = self._training or self._prepare()
        for _ in range(self._study.reports(self._trial.epochs)):
            if not training.done:
                terms = training.epoch()
        valid = monitor(training.method, training.data.valid)
        entry: dict[str, Any] = {"epoch": training.epochs_done, "time": _now(), **terms}
        entry |= {f"valid/{name}": value for name, value in valid.items()}
        self._record.history.append(entry)
        if training.done:
            self._finish(training)
        elif time.monotonic() - self._checkpointed > _CHECKPOINT_SECONDS:
            state = {"training": training.state_dict(), "reports": len(self._record.history)}
            artifact.save_state(self._folder / "checkpoint.pt", state)
            self._checkpointed = time.monotonic()
        self._ledger.write(self._record)
        return entry

    def _prepare(self) -> Training:
        self._training = Training(self._trial, self._dataset, device())
        state = artifact.load_state(self._folder / "checkpoint.pt")
        if state is not None:
            self._training.load_state_dict(state["training"])
        del self._record.history[state["reports"] if state else 0 :]
        return self._training

    def _finish(self, training: Training) -> None:
        training.finish()
        test = evaluate(training.method, training.data.test)
        artifact.save(self._folder / "method", self._trial, training.method, self._dataset)
        (self._folder / "checkpoint.pt").unlink(missing_ok=True)
        self._record.test = test
        self._record.status, self._record.ended = ledger.FINISHED, _now()

    def _fail(self, error: Exception) -> None:
        self._record.status, self._record.ended = ledger.FAILED, _now()
        self._record.message = str(error) if isinstance(error, NotFinite) else f"{type(error).__name__}: {error}"
        if not isinstance(error, NotFinite):
            (self._folder / "traceback.txt").write_text(traceback.format_exc())
        self._ledger.write(self._record)


def _now() -> int:
    return time.time_ns() // 1_000_000
