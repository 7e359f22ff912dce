"""Early stopping within each branch of a study, as Ray Tune asks for it."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule

from orchestrator.definition import scale
from orchestrator.definition.study import Study
from orchestrator.records.ledger import Record
from orchestrator.records.schema import SEARCH

_FOREVER = 10**9  # epochs: a trial ends by itself

Rivals: TypeAlias = ASHAScheduler | MedianStoppingRule
"""Trials that compete with one another."""


@dataclass(frozen=True)
class _Competitor:
    """A trial as its scheduler knows it: by an id that a second start gives it again."""

    trial_id: str


class BranchwiseStopping(FIFOScheduler):
    """The study's rule of early stopping, for each branch of its own.

    A trial competes with configurations of its own branch: one must not stop another's trials, since what the study
    measures is each at its best. Replicates are never stopped, and neither is a trial while its metric is
    not finite, since then there is nothing to compare.

    Args:
        study: when to stop, and by which metric.
        records: trials of earlier starts, which still count.
    """

    def __init__(self, study: Study, records: Iterable[Record] = ()) -> None:
        super().__init__()
        self._study, self._metric = study, study.objectives[0].metric
        self._rivals: dict[tuple[str, int], Rivals] = {}
        self._halvings = {branch: _halvings(study, branch) for branch in study.branches}
        for record in records:
            self._recall(record)

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        if rivals := self._of(trial.config):
            rivals.on_trial_add(tune_controller, _competitor(trial))

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        rivals = self._of(trial.config)
        if rivals is None or not math.isfinite(result[self._metric]):
            return FIFOScheduler.CONTINUE
        return rivals.on_trial_result(tune_controller, _competitor(trial), result)

    def on_trial_complete(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> None:
        rivals = self._of(trial.config)
        if rivals and math.isfinite(result[self._metric]):
            rivals.on_trial_complete(tune_controller, _competitor(trial), result)

    def debug_string(self) -> str:
        return "early stopping within each branch"

    def _of(self, config: dict[str, Any]) -> Rivals | None:
        """Those that a trial competes with; None where it does not compete."""
        if self._study.early_stopping is None or config["role"] != SEARCH:
            return None
        branch, bracket = config["branch"], self._bracket(config["branch"], config["identity"])
        if (branch, bracket) not in self._rivals:
            self._rivals[branch, bracket] = _rivals(self._study, bracket)
        return self._rivals[branch, bracket]

    def _bracket(self, branch: str, identity: str) -> int:
        """How often the trial's grace is multiplied. It follows from the identity, as a second start knows it too."""
        stopping = self._study.early_stopping
        if stopping is None or stopping.rule != "hyperband":
            return 0
        return dealt(identity, self._halvings[branch], stopping.reduction)

    def _recall(self, record: Record) -> None:
        branch = self._study.labels(record.arms, record.settings)[0]
        rivals = self._of({"role": record.role, "branch": branch, "identity": record.identity})
        if rivals is None:
            return
        competitor = _Competitor(record.identity)
        rivals.on_trial_add(None, competitor)
        # The median rule takes a result in without a decision only so.
        hear = rivals.on_trial_complete if isinstance(rivals, MedianStoppingRule) else rivals.on_trial_result
        for entry in record.history:
            if math.isfinite(entry.get(self._metric, math.nan)):
                hear(None, competitor, entry)


def dealt(identity: str, halvings: int, reduction: float) -> int:
    """The bracket of a trial, 0 to `halvings`, with the shares of Hyperband, where all brackets cost the same: of
    bracket k, with s = halvings - k halvings to come, in proportion to reduction^s / (s + 1) (Li et al. 2018, Alg. 1).
    """
    weights = [reduction**left / (left + 1) for left in range(halvings, -1, -1)]
    digest = hashlib.sha256(f"bracket {identity}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64 * sum(weights)
    return next(bracket for bracket, end in enumerate(itertools.accumulate(weights)) if place < end)


def _halvings(study: Study, branch: str) -> int:
    """How often a trial of the branch can come to a rung after its grace."""
    stopping = study.early_stopping
    if stopping is None:
        return 0
    reach = study.trial(branch, {}, seed=0).epochs / scale.epochs(stopping.grace, study.scale)
    return math.floor(math.log(max(1.0, reach), stopping.reduction) + 1e-9)


def _rivals(study: Study, bracket: int) -> Rivals:
    stopping, (objective, *_) = study.early_stopping, study.objectives
    assert stopping is not None
    grace = scale.epochs(stopping.grace, study.scale)
    if stopping.rule == "median":
        return MedianStoppingRule(
            time_attr="epoch",
            metric=objective.metric,
            mode=objective.mode,
            grace_period=grace,
            min_time_slice=math.inf,  # with too few to compare a trial goes on, and never pauses
        )
    return ASHAScheduler(
        time_attr="epoch",
        metric=objective.metric,
        mode=objective.mode,
        max_t=_FOREVER,
        grace_period=grace * stopping.reduction**bracket,
        reduction_factor=stopping.reduction,
    )


def _competitor(trial: Trial) -> _Competitor:
    return _Competitor(trial.config["identity"])
