"""The trials of one branch of a study, one after another: its search, then the replicates of what that found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import optuna
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from orchestrator.definition import objectives
from orchestrator.definition.space import distribution
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Record
from orchestrator.records.schema import REPLICATE, SEARCH
from orchestrator.search.planned import Planned, Queue, measured
from orchestrator.search.replicates import Replicates
from orchestrator.search.samplers import recall, sampler
from pipelines.trial import Trial

_REPEATS = 100  # draws of known configurations in a row before the space counts as exhausted


class BranchSearch:
    """The trials of one branch. Built from the records so far, so a second start goes on where the first stopped.

    A branch with a single configuration has replicates alone. Records of its search, which an earlier version of this
    project ran under seed 0, still count: a search that was interrupted ends, and one that failed has no replicates.

    Optuna proposes configurations: the branch's defaults first, then the sampler's. A trial that was stopped early is
    told to Optuna as pruned, never as complete, since its last value belongs to fewer epochs.
    """

    def __init__(self, study: Study, branch: str, records: Iterable[Record]) -> None:
        self.study, self.branch = study, branch
        self.planned = study.searched(branch)
        self._space = {name: distribution(span) for name, span in study.ranges(branch).items()}
        self._first = study.first(branch)
        directions = ["maximize" if each.mode == "max" else "minimize" for each in study.objectives]
        self._optuna = optuna.create_study(directions=directions, sampler=RandomSampler(seed=0))  # see `samplers`
        self._queue = Queue()
        self._trials: dict[str, Trial] = {}  # configurations by identity
        self._values: dict[str, tuple[float, ...]] = {}  # of those that finished
        self._replicates = Replicates(study, self.best)
        for record in records:
            if branch in study.labels(record.arms, record.settings):
                self._recall(record)

    @property
    def done(self) -> bool:
        return self._queue.empty and self._searched and not self._replicates.left

    @property
    def states(self) -> frozenset[str]:
        """None: every trial begins at its beginning."""
        return frozenset()

    def next(self) -> Planned | None:
        """The next trial, or None where none can start yet or none is left."""
        return self._queue.take(self._further)

    def put_back(self, planned: Planned) -> None:
        """Take a trial back that was not begun: it is the next one again."""
        self._queue.put_back(planned)

    def report(self, planned: Planned, epoch: int, values: Sequence[float]) -> None:
        """A trial's metrics after `epoch`. What was reported before, or is not finite, is ignored, and so is what
        Optuna has no use for: reports on several objectives."""
        if planned.draw is not None and epoch > planned.reported and len(values) == 1 and math.isfinite(values[0]):
            planned.draw.report(values[0], epoch)
            planned.reported = epoch

    def tell(self, planned: Planned, status: str, values: Sequence[float]) -> None:
        """How a trial ended, with the metrics after its last epoch; NaN where there is none."""
        self._queue.running -= 1
        if planned.draw is not None:
            self._end(planned, status, values)

    def best(self) -> list[Trial]:
        """The finished configuration with the best value, or of several objectives those of the Pareto front; the only
        one where nothing is searched."""
        if not self.planned and not self._trials:
            return [self._trial(self._first[0], 0)]
        found = objectives.best(self._values, self.study.objectives, self.study.front)
        return [self._trials[identity] for identity in found]

    @property
    def _searched(self) -> bool:
        return len(self._trials) >= self.planned

    def _further(self) -> Planned | None:
        planned = self._propose()
        if planned is None and (self._replicates.begun or (self._queue.running == 0 and self._searched)):
            planned = self._replicates.next()
        return planned

    def _propose(self) -> Planned | None:
        while self._first and not self._searched:
            trial = self._trial(self._first.pop(0), 0)
            if trial.identity not in self._trials:
                return self._try(trial, self._ask(trial))
        for attempt in range(_REPEATS):
            if self._searched:
                return None
            self._optuna.sampler = sampler(self.study, self.branch, len(self._trials), attempt)
            draw = self._optuna.ask(self._space)
            trial = self._trial(draw.params, 0)
            if trial.identity not in self._trials:
                return self._try(trial, draw)
            self._optuna.tell(draw, None, TrialState.FAIL)
        self.planned = len(self._trials)
        return None

    def _try(self, trial: Trial, draw: optuna.trial.Trial) -> Planned:
        self._trials[trial.identity] = trial
        return Planned(trial, SEARCH, draw)

    def _ask(self, trial: Trial) -> optuna.trial.Trial:
        """Optuna's side of a configuration that it did not choose itself."""
        settings = trial.settings()
        self._optuna.sampler = RandomSampler(seed=0)  # it has nothing to draw, and others would lose time
        self._optuna.enqueue_trial({name: settings[name] for name in self._space})
        draw = self._optuna.ask(self._space)
        recall(self.study, self._optuna, draw)
        return draw

    def _end(self, planned: Planned, status: str, values: Sequence[float]) -> None:
        finite = objectives.finite(values) if status == ledger.FINISHED else None
        if finite is None:
            self._optuna.tell(planned.draw, None, TrialState.PRUNED if status == ledger.STOPPED else TrialState.FAIL)
        else:
            self._values[planned.trial.identity] = finite
            self._optuna.tell(planned.draw, finite)

    def _recall(self, record: Record) -> None:
        """Take up a trial of an earlier start. One that was running is planned again and finds its own checkpoint."""
        running = record.status == ledger.RUNNING
        if record.role == REPLICATE:
            self._replicates.recall(record)
            return
        trial = self._trial(record.settings, 0)
        planned = self._try(trial, self._ask(trial))
        for entry in record.history:
            values = [entry.get(each.metric, math.nan) for each in self.study.objectives]
            self.report(planned, entry["epoch"], values)
        if running:
            self._queue.waiting.append(planned)
        else:
            self._end(planned, record.status, measured(record, self.study))

    def _trial(self, settings: dict[str, Any], seed: int) -> Trial:
        chosen = {name: value for name, value in settings.items() if name in self._space}
        return self.study.trial(self.branch, chosen, seed=seed)
