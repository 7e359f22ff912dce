"""What the search of an arm tried: the settings that differ between its trials, and how those ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from methods.core.errors import BadInput
from methods.core.ranges import Integer, OneOf, Real
from orchestrator.comparison.rows import measured
from orchestrator.definition import objectives
from orchestrator.records.runs import StudyRuns, TrialRun
from pipelines.trial import searchable

_AT_LEAST = 5  # of the best trials
_NEVER = {"method", "data", "seed", "earlier"}  # searched; of a population, the settings at the end count


@dataclass(frozen=True)
class Setting:
    """A setting that was searched.

    Attributes:
        name: of the setting.
        values: one for each trial: numbers, or choices as text.
        log: whether it is searched by its logarithm.
    """

    name: str
    values: tuple[float, ...] | tuple[str, ...]
    log: bool

    @property
    def choices(self) -> list[str]:
        """All choices that were tried, in alphabetical order; nothing for numbers."""
        return sorted({value for value in self.values if isinstance(value, str)})


@dataclass(frozen=True)
class Tried:
    """The trials of an arm's search that ended well or were stopped early, in the order they started; of a population,
    the last generation.

    Attributes:
        arm: its name.
        trials: as they are in MLflow.
        settings: those that differ, by name.
        results: the study's metrics of each trial; None where it was stopped early, since they belong to fewer epochs.
        best: places of the best trials: a tenth of all and five at least, at most half; or those on the Pareto front.
    """

    arm: str
    trials: tuple[TrialRun, ...]
    settings: tuple[Setting, ...]
    results: tuple[tuple[float, ...] | None, ...]
    best: tuple[int, ...]


def tried(study: StudyRuns, arm: str) -> Tried:
    """The search of `arm`, on the data set that the trials of `study` are on."""
    results = {trial.identity: measured(trial, study) for trial in study.search(arm) if trial.finished}
    trials = [trial for trial in study.search(arm) if results.get(trial.identity) or trial.stopped_early]
    names = sorted({name for trial in trials for name in trial.params} - _NEVER)
    settings = (_setting(name, trials) for name in names if len({trial.params.get(name) for trial in trials}) > 1)
    ended = tuple(results.get(trial.identity) for trial in trials)
    return Tried(arm, tuple(trials), tuple(found for found in settings if found), ended, tuple(_best(ended, study)))


def share(number: int) -> float:
    """Which share of so many trials counts as the best."""
    return max(0.1, min(0.5, _AT_LEAST / number))


def _best(results: Sequence[tuple[float, ...] | None], study: StudyRuns) -> list[int]:
    ended = {str(place): values for place, values in enumerate(results) if values is not None}
    if not ended:
        return []
    if len(study.objectives) > 1:
        return sorted(map(int, objectives.front(ended, study.objectives)))
    sign = study.objectives[0].sign
    ordered = sorted(ended, key=lambda place: -sign * ended[place][0])
    return sorted(map(int, ordered[: math.ceil(share(len(results)) * len(results))]))


def _setting(name: str, trials: Sequence[TrialRun]) -> Setting | None:
    """The setting's values; None where a trial does not have it."""
    texts = [trial.params.get(name) for trial in trials]
    given = [text for text in texts if text is not None]
    if len(given) < len(texts):
        return None
    span = _declared(trials[0].method, name)
    try:
        if isinstance(span, OneOf):
            return Setting(name, tuple(given), log=False)
        return Setting(name, tuple(map(float, given)), log=span is not None and span.log and min(map(float, given)) > 0)
    except ValueError:
        return Setting(name, tuple(given), log=False)


def _declared(method: str, name: str) -> Real | Integer | OneOf | None:
    """The range that the method declares; None where this version of it has no such setting."""
    try:
        entry = searchable(method).get(name)
    except BadInput:
        return None
    return entry.range if entry else None
