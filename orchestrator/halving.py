"""Early stopping within each branch of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler

from orchestrator import scale
from orchestrator.ledger import Record
from orchestrator.schema import SEARCH
from orchestrator.study import EarlyStopping, Study

_FOREVER = 10**9  # epochs: a trial ends by itself


@dataclass(frozen=True)
class _Competitor:
    """A trial as its scheduler knows it: by an id that a second start gives it again."""

    trial_id: str


class BranchwiseHalving(FIFOScheduler):
    """Asynchronous successive halving with rungs for each branch of its own.

    A trial competes with configurations of its own branch: one must not stop another's trials, since what the study
    measures is each at its best. Replicates are never stopped, and neither is a trial while its metric is
    not finite, since then there is nothing to compare.

    Args:
        study: when to stop, and by which metric.
        records: trials of earlier starts, which still count.
    """

    def __init__(self, study: Study, records: Iterable[Record] = ()) -> None:
        super().__init__()
        self._study = study
        self._by_branch: dict[str, ASHAScheduler] = {}
        if study.early_stopping is not None:
            self._by_branch = {name: _halving(study, study.early_stopping) for name in study.branches}
        for record in records:
            self._recall(record)

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        if halving := self._of(trial.config["role"], trial.config["branch"]):
            halving.on_trial_add(tune_controller, _competitor(trial))

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        halving = self._of(trial.config["role"], trial.config["branch"])
        if halving is None or not math.isfinite(result[self._study.metric]):
            return FIFOScheduler.CONTINUE
        return halving.on_trial_result(tune_controller, _competitor(trial), result)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        halving = self._of(trial.config["role"], trial.config["branch"])
        if halving and math.isfinite(result[self._study.metric]):
            halving.on_trial_complete(tune_controller, _competitor(trial), result)

    def debug_string(self) -> str:
        return "successive halving within each branch"

    def _of(self, role: str, branch: str) -> ASHAScheduler | None:
        return self._by_branch.get(branch) if role == SEARCH else None

    def _recall(self, record: Record) -> None:
        if halving := self._of(record.role, self._study.labels(record.arms, record.settings)[0]):
            competitor = _Competitor(record.identity)
            halving.on_trial_add(None, competitor)
            for entry in record.history:
                if math.isfinite(entry.get(self._study.metric, math.nan)):
                    halving.on_trial_result(None, competitor, entry)


def _halving(study: Study, stopping: EarlyStopping) -> ASHAScheduler:
    return ASHAScheduler(
        time_attr="epoch",
        metric=study.metric,
        mode=study.mode,
        max_t=_FOREVER,
        grace_period=scale.epochs(stopping.grace, study.scale),
        reduction_factor=stopping.reduction,
    )


def _competitor(trial: Trial) -> _Competitor:
    return _Competitor(trial.config["identity"])
