"""Which trial comes next: every branch's search, then the replicates of its best configuration."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState
from ray.tune.search import Searcher

from orchestrator import ledger
from orchestrator.ledger import Record
from orchestrator.schema import REPLICATE, SEARCH
from orchestrator.space import distribution
from orchestrator.study import Study
from pipelines.trial import Trial

_OVER = (ledger.FINISHED, ledger.FAILED, ledger.STOPPED)
_REPEATS = 100  # draws of known configurations in a row before the space counts as exhausted


@dataclass
class Planned:
    """A trial to run.

    Attributes:
        trial: all its settings.
        role: `search` or `replicate`.
        draw: Optuna's side of a configuration.
        reported: the last epoch that Optuna was told of.
    """

    trial: Trial
    role: str
    draw: optuna.trial.Trial | None = None
    reported: int = 0


class BranchSearch:
    """The trials of one branch. Built from the records so far, so a second start goes on where the first stopped.

    Optuna proposes configurations: the branch's defaults first, then the sampler's. A trial that was stopped early is
    told to Optuna as pruned, never as complete, since its last value belongs to fewer epochs.
    """

    def __init__(self, study: Study, branch: str, records: Iterable[Record]) -> None:
        self.study, self.branch = study, branch
        self.planned = study.configurations(branch)
        self._space = {name: distribution(span) for name, span in study.ranges(branch).items()}
        self._first = study.first(branch)
        direction = "maximize" if study.mode == "max" else "minimize"
        self._optuna = optuna.create_study(direction=direction, sampler=RandomSampler(seed=0))  # see `_sampler`
        self._waiting: list[Planned] = []
        self._values: dict[str, tuple[Trial, float | None]] = {}  # by identity; None while it runs, failed or stopped
        self._running = 0
        self._replicates: list[Planned] | None = None
        self._replicated: set[str] = set()
        for record in records:
            if branch in study.labels(record.arms, record.settings):
                self._recall(record)

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
        """A trial's metric after `epoch`. What was reported before, or is not finite, is ignored."""
        if planned.draw is not None and epoch > planned.reported and math.isfinite(value):
            planned.draw.report(value, epoch)
            planned.reported = epoch

    def tell(self, planned: Planned, status: str, value: float | None) -> None:
        """How a trial ended, with the metric after its last epoch."""
        self._running -= 1
        if planned.draw is not None:
            self._end(planned, status, value)

    def best(self) -> Trial | None:
        """The finished configuration with the best value, or None where none finished."""
        finished = [(value, trial.identity, trial) for trial, value in self._values.values() if value is not None]
        choose = max if self.study.mode == "max" else min
        # Equal values are told apart by identity, so that a second start chooses the same one.
        return choose(finished, key=lambda entry: entry[:2])[2] if finished else None

    @property
    def _searched(self) -> bool:
        return len(self._values) >= self.planned

    @property
    def _replicates_left(self) -> list[Planned]:
        if self._replicates is None:
            best = self.best()
            seeds = range(1, self.study.replicates + 1)
            trials = [self._trial(best.settings(), seed) for seed in seeds] if best else []
            self._replicates = [Planned(trial, REPLICATE) for trial in trials if trial.identity not in self._replicated]
        return self._replicates

    def _propose(self) -> Planned | None:
        while self._first and not self._searched:
            trial = self._trial(self._first.pop(0), 0)
            if trial.identity not in self._values:
                return self._try(trial, self._ask(trial))
        for attempt in range(_REPEATS):
            if self._searched:
                return None
            self._optuna.sampler = _sampler(self.study, self.branch, len(self._values), attempt)
            draw = self._optuna.ask(self._space)
            trial = self._trial(draw.params, 0)
            if trial.identity not in self._values:
                return self._try(trial, draw)
            self._optuna.tell(draw, None, TrialState.FAIL)
        self.planned = len(self._values)
        return None

    def _try(self, trial: Trial, draw: optuna.trial.Trial) -> Planned:
        self._values[trial.identity] = (trial, None)
        return Planned(trial, SEARCH, draw)

    def _ask(self, trial: Trial) -> optuna.trial.Trial:
        """Optuna's side of a configuration that it did not choose itself."""
        settings = trial.settings()
        self._optuna.enqueue_trial({name: settings[name] for name in self._space})
        return self._optuna.ask(self._space)

    def _end(self, planned: Planned, status: str, value: float | None) -> None:
        finished = status == ledger.FINISHED and value is not None and math.isfinite(value)
        self._values[planned.trial.identity] = (planned.trial, value if finished else None)
        other = TrialState.PRUNED if status == ledger.STOPPED else TrialState.FAIL
        self._optuna.tell(planned.draw, value if finished else None, None if finished else other)

    def _recall(self, record: Record) -> None:
        """Take up a trial of an earlier start. One that was running is planned again and finds its own checkpoint."""
        running = record.status == ledger.RUNNING
        if record.role == REPLICATE:
            self._replicated |= set() if running else {record.identity}
            return
        trial = self._trial(record.settings, 0)
        planned = self._try(trial, self._ask(trial))
        metric = self.study.metric
        for entry in record.history:
            self.report(planned, entry["epoch"], entry.get(metric, math.nan))
        if running:
            self._waiting.append(planned)
        else:
            self._end(planned, record.status, record.value(metric))

    def _trial(self, settings: dict[str, Any], seed: int) -> Trial:
        chosen = {name: value for name, value in settings.items() if name in self._space}
        return self.study.trial(self.branch, chosen, seed=seed)


@dataclass(frozen=True)
class _End:
    """How a trial ended: its status, and the metric after its last epoch."""

    status: str
    epoch: int
    value: float | None


class StudySearch(Searcher):
    """Ray Tune's view of a study: one searcher for each branch behind one interface.

    Branches come in their order, and a branch's replicates as soon as its search is over, so that all slots stay busy
    until the last trials of the last branch. A trial that several branches propose runs once: those that come later
    hear of it as the first does, or at once where it is over.

    Args:
        study: its definition.
        records: trials of earlier starts.
        joined: called with a trial's identity and an arm when the arm proposes the trial, before that starts.
    """

    def __init__(self, study: Study, records: list[Record], joined: Callable[[str, str], None] | None = None) -> None:
        super().__init__(metric=study.metric, mode=study.mode)
        logging.getLogger("optuna").setLevel(logging.WARNING)
        self.searches = {name: BranchSearch(study, name, records) for name in study.branches}
        self._arms = {name: branch.arm.name for name, branch in study.branches.items()}
        self._joined = joined or _nobody
        self._planned: dict[str, list[tuple[BranchSearch, Planned]]] = {}  # by Tune's trial id
        self._running: dict[str, str] = {}  # Tune's trial id by identity
        self._ended = {record.identity: _end(record, study.metric) for record in records if record.status in _OVER}

    def __getstate__(self) -> dict[str, Any]:
        # Ray pickles searchers to restore a run from them; this project restores from the records instead.
        return self.__dict__ | {"_joined": _nobody}

    @property
    def done(self) -> bool:
        return all(search.done for search in self.searches.values())

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        for name, search in self.searches.items():
            while (planned := search.next()) is not None:
                identity = planned.trial.identity
                self._joined(identity, self._arms[name])
                if identity in self._ended:
                    _pass_on(self._ended[identity], search, planned)
                elif identity in self._running:
                    self._planned[self._running[identity]].append((search, planned))
                else:
                    self._running[identity], self._planned[trial_id] = trial_id, [(search, planned)]
                    return {
                        "settings": planned.trial.settings(),
                        "role": planned.role,
                        "identity": identity,
                        "branch": name,
                    }
        return Searcher.FINISHED if self.done else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        for search, planned in self._planned[trial_id]:
            search.report(planned, result["epoch"], result[self.metric])

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if trial_id not in self._planned:
            return
        if error or result is None:
            end = _End(ledger.FAILED, 0, None)
        else:
            # Tune does not pass on the report that stopped a trial.
            status = ledger.STOPPED if result["status"] == ledger.RUNNING else result["status"]
            end = _End(status, result["epoch"], result[self.metric])
        followers = self._planned.pop(trial_id)
        identity = followers[0][1].trial.identity
        del self._running[identity]
        self._ended[identity] = end
        for search, planned in followers:
            _pass_on(end, search, planned)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the records hold it all."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the records hold it all."""


def _nobody(identity: str, arm: str) -> None:
    """Hear that an arm proposes a trial, and do nothing."""


def _end(record: Record, metric: str) -> _End:
    return _End(record.status, record.history[-1]["epoch"] if record.history else 0, record.value(metric))


def _pass_on(end: _End, search: BranchSearch, planned: Planned) -> None:
    if end.value is not None:
        search.report(planned, end.epoch, end.value)
    search.tell(planned, end.status, end.value)


def _sampler(study: Study, branch: str, known: int, attempt: int) -> BaseSampler:
    """The sampler of one draw. Its seed follows from how many configurations are known, as a second start knows too."""
    digest = hashlib.sha256(f"{study.seed} {branch} {known} {attempt}".encode()).digest()
    seed = int.from_bytes(digest[:4], "big")
    if study.search == "tpe" and attempt == 0:
        return TPESampler(seed=seed, n_startup_trials=min(10, max(2, study.trials // 3)))
    return RandomSampler(seed=seed)
