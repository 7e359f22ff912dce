"""Which trial comes next: every method's search, then the replicates of its best configuration."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from ray.tune.search import Searcher

from methods.core.ranges import OneOf, Range, Real
from orchestrator import ledger
from orchestrator.ledger import Record
from orchestrator.schema import REPLICATE, SEARCH
from orchestrator.study import Study
from pipelines.trial import Trial

_GRID_VALUES = 3  # of a range, at its ends and its middle
_REPEATS = 20  # draws of known configurations before the space counts as exhausted


@dataclass
class Planned:
    """A trial to run."""

    trial: Trial
    role: str
    draw: optuna.trial.Trial | None = None


class MethodSearch:
    """The trials of one method. Built from the records so far, so a second start goes on where the first stopped.

    Optuna proposes configurations: the method's defaults first, then the sampler's. A trial that was stopped early is
    told to Optuna as pruned, never as complete, since its last value belongs to fewer epochs.
    """

    def __init__(self, study: Study, method: str, records: Iterable[Record]) -> None:
        self.study, self.method = study, method
        self.space = {name: _distribution(span) for name, span in study.ranges(method).items()}
        self.planned = study.trials if self.space else 1
        self._optuna = optuna.create_study(
            direction="maximize" if study.mode == "max" else "minimize", sampler=_sampler(study, method)
        )
        self._waiting: list[Planned] = []
        self._values: dict[str, tuple[Trial, float | None]] = {}  # by identity; None while it runs, failed or stopped
        self._running = 0
        self._replicates: list[Planned] | None = None
        self._replicated: set[str] = set()
        for record in records:
            if record.settings["method"] == method:
                self._recall(record)
        self._enqueue()

    @property
    def done(self) -> bool:
        return self._running == 0 and not self._waiting and self._searched and not self._replicates_left

    def next(self) -> Planned | None:
        """The next trial, or None where none can start yet or none is left."""
        planned = self._waiting.pop(0) if self._waiting else self._propose()
        if planned is None and self._running == 0 and self._searched:
            planned = self._replicates_left.pop(0) if self._replicates_left else None
        elif planned is None and self._replicates:
            planned = self._replicates.pop(0)
        if planned is not None:
            self._running += 1
        return planned

    def report(self, planned: Planned, epoch: int, value: float) -> None:
        """A running trial's metric after `epoch`."""
        if planned.draw is not None and np.isfinite(value):
            planned.draw.report(value, epoch)

    def tell(self, planned: Planned, status: str, value: float | None) -> None:
        """How a trial ended."""
        self._running -= 1
        if planned.role == REPLICATE:
            return
        finished = status == ledger.FINISHED and value is not None and np.isfinite(value)
        self._values[planned.trial.identity] = (planned.trial, value if finished else None)
        if planned.draw is not None:
            state = TrialState.PRUNED if status == ledger.STOPPED else TrialState.FAIL
            self._optuna.tell(planned.draw, value if finished else None, None if finished else state)

    def best(self) -> Trial | None:
        """The finished configuration with the best value, or None where none finished."""
        finished = [(value, trial) for trial, value in self._values.values() if value is not None]
        choose = max if self.study.mode == "max" else min
        return choose(finished, key=lambda pair: pair[0])[1] if finished else None

    @property
    def _searched(self) -> bool:
        return len(self._values) >= self.planned

    @property
    def _replicates_left(self) -> list[Planned]:
        if self._replicates is None:
            best = self.best()
            seeds = range(1, self.study.seeds + 1) if best else ()
            trials = (self.study.trial(self.method, _chosen(best, self.space), seed=seed) for seed in seeds if best)
            self._replicates = [Planned(trial, REPLICATE) for trial in trials if trial.identity not in self._replicated]
        return self._replicates

    def _propose(self) -> Planned | None:
        for _ in range(_REPEATS):
            if self._searched:
                return None
            draw = self._optuna.ask(self.space)
            trial = self.study.trial(self.method, draw.params, seed=0)
            if trial.identity not in self._values:
                self._values[trial.identity] = (trial, None)
                return Planned(trial, SEARCH, draw)
            known = self._values[trial.identity][1]
            self._optuna.tell(draw, known, None if known is not None else TrialState.FAIL)
        self.planned = len(self._values)
        return None

    def _recall(self, record: Record) -> None:
        settings = {name: value for name, value in record.settings.items() if name in self.space}
        trial = self.study.trial(self.method, settings, seed=record.settings["seed"])
        running = record.status == ledger.RUNNING
        if record.role == REPLICATE:
            # A replicate in progress is planned anew and finds its own checkpoint.
            self._replicated |= set() if running else {record.identity}
            return
        value = record.value(self.study.metric)
        self._values[trial.identity] = (trial, value if record.status == ledger.FINISHED else None)
        if running:
            self._optuna.enqueue_trial(settings)
            draw = self._optuna.ask(self.space)
            self._waiting.append(Planned(trial, SEARCH, draw))
        else:
            self._optuna.add_trial(_told(record, settings, self.space, self.study.metric))

    def _enqueue(self) -> None:
        """Put the method's defaults, and for a grid all of it, at the head of Optuna's queue."""
        defaults = self.study.defaults(self.method)
        if defaults:
            self._optuna.enqueue_trial(defaults)
        if self.study.search == "grid":
            grid = [dict(zip(self.space, values, strict=True)) for values in itertools.product(*self._grid())]
            for point in grid:
                self._optuna.enqueue_trial(point)
            self.planned = min(self.planned, len(grid) + 1)

    def _grid(self) -> list[list[Any]]:
        return [_grid_values(span) for span in self.study.ranges(self.method).values()]


class StudySearch(Searcher):
    """Ray Tune's view of a study: one searcher for each method behind one interface.

    Methods come in their order, and a method's replicates as soon as its search is over, so that all slots stay busy
    until the last trials of the last method.
    """

    def __init__(self, study: Study, records: list[Record]) -> None:
        super().__init__(metric=study.metric, mode=study.mode)
        logging.getLogger("optuna").setLevel(logging.WARNING)
        self.searches = {name: MethodSearch(study, name, records) for name in study.method_names}
        self._planned: dict[str, Planned] = {}

    @property
    def done(self) -> bool:
        return all(search.done for search in self.searches.values())

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        for search in self.searches.values():
            planned = search.next()
            if planned is not None:
                self._planned[trial_id] = planned
                trial = planned.trial
                return {"settings": trial.settings(), "role": planned.role, "identity": trial.identity}
        return Searcher.FINISHED if self.done else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        planned = self._planned[trial_id]
        self.searches[planned.trial.method].report(planned, result["epoch"], result[self.metric])

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        planned = self._planned.pop(trial_id, None)
        if planned is not None:
            status = ledger.FAILED if error or result is None else result["status"]
            ended = ledger.STOPPED if status == ledger.RUNNING else status
            self.searches[planned.trial.method].tell(planned, ended, result[self.metric] if result else None)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the records hold it all."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the records hold it all."""


def _chosen(trial: Trial | None, space: dict[str, BaseDistribution]) -> dict[str, Any]:
    return {name: value for name, value in trial.settings().items() if name in space} if trial else {}


def _sampler(study: Study, method: str) -> optuna.samplers.BaseSampler:
    seed = study.seed + sum(map(ord, method))
    if study.search == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=min(10, max(2, study.trials // 3)))
    return optuna.samplers.RandomSampler(seed=seed)


def _distribution(span: Range) -> BaseDistribution:
    if isinstance(span, OneOf):
        return CategoricalDistribution(span.choices)
    kind = FloatDistribution if isinstance(span, Real) else IntDistribution
    return kind(span.low, span.high, log=span.log)


def _grid_values(span: Range) -> list[Any]:
    if isinstance(span, OneOf):
        return list(span.choices)
    spaced = np.geomspace if span.log else np.linspace
    values = spaced(span.low, span.high, _GRID_VALUES).tolist()
    inside = [min(max(value, span.low), span.high) for value in values]
    return inside if isinstance(span, Real) else sorted({round(value) for value in inside})


def _told(
    record: Record, settings: dict[str, Any], space: dict[str, BaseDistribution], metric: str
) -> optuna.trial.FrozenTrial:
    states = {ledger.FINISHED: TrialState.COMPLETE, ledger.STOPPED: TrialState.PRUNED}
    value = record.value(metric)
    state = states.get(record.status, TrialState.FAIL)
    if state == TrialState.COMPLETE and (value is None or not np.isfinite(value)):
        state = TrialState.FAIL
    reports = {entry["epoch"]: entry[metric] for entry in record.history if np.isfinite(entry.get(metric, np.nan))}
    return optuna.trial.create_trial(
        params=settings,
        distributions=space,
        state=state,
        value=value if state == TrialState.COMPLETE else None,
        intermediate_values=reports,
    )
