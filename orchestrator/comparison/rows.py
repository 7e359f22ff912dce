"""Which trials stand for a study's arms in a comparison: replicates, or the best of the search until there are any."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from methods.core.errors import BadInput
from orchestrator.comparison.scores import Standing, available, values
from orchestrator.comparison.significance import summary
from orchestrator.definition import objectives
from orchestrator.records import schema
from orchestrator.records.runs import StudyRuns, TrialRun


@dataclass(frozen=True)
class Rows:
    """The rows of a comparison, best first.

    Attributes:
        standing: the trials of each row. An arm has one row; of several metrics, one for each configuration of its
            Pareto front, by the first metric.
        arms: of each row.
        replicated: whether the trials are replicates; if not, search trials stand in.
    """

    standing: Standing
    arms: dict[str, str]
    replicated: bool


def rows(runs: StudyRuns) -> Rows:
    """The rows of a study.

    Raises:
        BadInput: no trial has finished.
    """
    several = len(runs.objectives) > 1
    found = _fronts(runs, replicated=True) if several else {(arm, ""): runs.replicates(arm) for arm in runs.arms}
    replicated = any(found.values())
    if not replicated:
        found = _fronts(runs, replicated=False) if several else _best_of_search(runs)
    named = {f"{arm} {place}".rstrip(): (arm, trials) for (arm, place), trials in found.items()}
    standing = {row: trials for row, (_, trials) in named.items()}
    if not replicated:
        _refuse_nothing(standing, runs)
    ordered = standing if several else _sorted(standing, runs)
    return Rows(ordered, {row: named[row][0] for row in ordered}, replicated)


def measured(trial: TrialRun, runs: StudyRuns) -> tuple[float, ...] | None:
    """The study's metrics of a trial; None where one is missing or not finite."""
    return objectives.finite(trial.metrics.get(each.metric) for each in runs.objectives)


def main_metric(runs: StudyRuns) -> str:
    """The study's first metric without its split."""
    return runs.objectives[0].metric.removeprefix("valid/").removeprefix("train/")


def _fronts(runs: StudyRuns, *, replicated: bool) -> dict[tuple[str, str], list[TrialRun]]:
    """The trials of each configuration of each arm's front. A front of one has no number."""
    found: dict[tuple[str, str], list[TrialRun]] = {}
    for arm in runs.arms:
        groups = [group for group in _front(runs, arm, replicated=replicated) if group]
        for place, group in enumerate(groups, start=1):
            found[arm, str(place) if len(groups) > 1 else ""] = group
        if not groups:
            found[arm, ""] = []
    return found


def _front(runs: StudyRuns, arm: str, *, replicated: bool) -> Iterator[list[TrialRun]]:
    if not runs.search(arm):  # there was but one configuration
        yield runs.replicates(arm)
    tried = {trial.identity: trial for trial in runs.search(arm) if trial.finished}
    able = {identity: found for identity, trial in tried.items() if (found := measured(trial, runs)) is not None}
    for identity in objectives.best(able, runs.objectives, runs.front):
        configuration = tried[identity].configuration
        yield runs.replicates_of(arm, configuration) if replicated else [tried[identity]]


def _best_of_search(runs: StudyRuns) -> dict[tuple[str, str], list[TrialRun]]:
    best = {arm: runs.best_search(arm) for arm in runs.arms}
    return {(arm, ""): [trial] if trial else [] for arm, trial in best.items()}


def _refuse_nothing(standing: Standing, runs: StudyRuns) -> None:
    if not available(standing):
        whole = [trial for trial in runs.trials if trial.role != schema.MEMBER]
        failed = sum(trial.failed for trial in whole)
        stopped = sum(trial.stopped_early for trial in whole)
        raise BadInput(
            f"nothing to compare in {runs.name!r} yet: none of its {len(whole)} trials has finished "
            f"({failed} failed, {stopped} stopped early); let the study go on first"
        )


def _sorted(standing: Standing, runs: StudyRuns) -> Standing:
    metric, sign = main_metric(runs), runs.objectives[0].sign

    def place(row: str) -> tuple[bool, float, str]:
        mean = summary(values(standing[row], metric)).mean
        return math.isnan(mean), -sign * mean if math.isfinite(mean) else 0.0, row

    return {row: standing[row] for row in sorted(standing, key=place)}
