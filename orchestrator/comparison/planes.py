"""Planes of two metrics over the trials of a study: reconstruction against rate, or one objective against another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.definition import objectives
from orchestrator.definition.objectives import Objective, Objectives
from orchestrator.records import schema
from orchestrator.records.runs import StudyRuns, TrialRun

Points = dict[str, list[tuple[float, float]]]
"""(x, y) of trials, by arm."""

_RECONSTRUCTIONS = ("bce", "mse", "reconstruction")


@dataclass(frozen=True)
class Plane:
    """Trials by two metrics.

    Attributes:
        x, y: names of the metrics.
        whole: trials that ran to their end.
        stopped: trials that were stopped early, as they were then.
        edge: the trials of `whole` that no other one beats, by x.
        x_higher: whether more of x is better.
    """

    x: str
    y: str
    whole: Points
    stopped: Points
    edge: tuple[tuple[float, float], ...]
    x_higher: bool = False


def planes(study: StudyRuns) -> list[Plane]:
    """Of several objectives, the first against each of the others; of one, reconstruction against rate.

    Reconstruction is the cross-entropy, or where no trial has it the squared error or the likelihood. A plane in which
    there are fewer than two trials is left out.
    """
    first, *others = study.objectives
    found = [_plane(study, (other, first)) for other in others] or list(_rates(study))[:1]
    return [plane for plane in found if _count(plane.whole) + _count(plane.stopped) > 1]


def _rates(study: StudyRuns) -> Iterator[Plane]:
    """Reconstruction against rate on the validation rows, of every trial; else on the test rows."""
    for split in ("valid", "test"):
        for name in _RECONSTRUCTIONS:
            plane = _plane(study, (Objective(f"{split}/rate", "min"), Objective(f"{split}/{name}", "min")))
            if _count(plane.whole) + _count(plane.stopped) > 1:
                yield plane


def _plane(study: StudyRuns, pair: Objectives) -> Plane:
    x, y = pair
    whole = _points(pair, [trial for trial in study.trials if trial.finished])
    stopped = _points(pair, [trial for trial in study.trials if trial.stopped_early])
    flat = {str(place): point for place, point in enumerate(point for points in whole.values() for point in points)}
    edge = sorted(flat[name] for name in objectives.front(flat, pair)) if flat else []
    return Plane(x.metric, y.metric, whole, stopped, tuple(edge), x.mode == "max")


def _points(pair: Objectives, trials: list[TrialRun]) -> Points:
    found: Points = {}
    for trial in trials:
        x, y = (trial.metrics.get(each.metric, math.nan) for each in pair)
        if math.isfinite(x) and math.isfinite(y):
            for arm in trial.arms:
                found.setdefault(arm, []).append((x, y))
    return found


def by_metric(study: StudyRuns, x: str, y: str) -> Points:
    """Two metrics of every search trial that ran to its end and has both, by arm; of arms without a search, of their
    replicates."""
    searched = {arm for trial in study.trials if trial.role == schema.SEARCH for arm in trial.arms}
    tried = [
        trial
        for trial in study.trials
        if trial.finished
        and (trial.role == schema.SEARCH or (trial.role == schema.REPLICATE and not searched.intersection(trial.arms)))
    ]
    return _points((Objective(x, "min"), Objective(y, "min")), tried)


def _count(points: Points) -> int:
    return sum(map(len, points.values()))
