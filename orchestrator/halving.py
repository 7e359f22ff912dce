"""Early stopping within each method."""

from __future__ import annotations

from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

from orchestrator.schema import SEARCH
from orchestrator.study import Study


class MethodwiseHalving(FIFOScheduler):
    """Asynchronous successive halving with rungs for each method of its own.

    A trial competes with configurations of its own method: one method must not stop another's trials, since what the
    study measures is each method at its best. Replicates are never stopped.
    """

    def __init__(self, study: Study) -> None:
        super().__init__()
        self._study = study
        self._by_method: dict[str, ASHAScheduler] = {}

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        if halving := self._of(trial):
            halving.on_trial_add(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        halving = self._of(trial)
        return halving.on_trial_result(tune_controller, trial, result) if halving else FIFOScheduler.CONTINUE

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        if halving := self._of(trial):
            halving.on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: Any, trial: Trial) -> None:
        if halving := self._of(trial):
            halving.on_trial_remove(tune_controller, trial)

    def debug_string(self) -> str:
        return "successive halving within each method"

    def _of(self, trial: Trial) -> ASHAScheduler | None:
        stopping = self._study.early_stopping
        if stopping is None or trial.config["role"] != SEARCH:
            return None
        settings = trial.config["settings"]
        if settings["method"] not in self._by_method:
            self._by_method[settings["method"]] = ASHAScheduler(
                time_attr="epoch",
                metric=self._study.metric,
                mode=self._study.mode,
                max_t=settings["epochs"],
                grace_period=min(stopping.grace, settings["epochs"]),
                reduction_factor=stopping.reduction,
            )
        return self._by_method[settings["method"]]
