"""The trials of one branch that is searched by a population: generation after generation, then the replicates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import optuna

from orchestrator.definition import objectives
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Record
from orchestrator.records.schema import MEMBER, REPLICATE, SEARCH
from orchestrator.search.planned import Planned, Queue, measured
from orchestrator.search.population import Member, Population
from orchestrator.search.replicates import Replicates
from pipelines.trial import Trial


class PopulationSearch:
    """A generation begins when all trials of the one before have ended. It follows from their values alone, so a second
    start comes to where the first was.

    The best is one of the last generation, whose metrics alone belong to all epochs. Its replicates go through all that
    it went through, under seeds of their own.
    """

    def __init__(self, study: Study, branch: str, records: Iterable[Record]) -> None:
        self.study, self.branch = study, branch
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._population = Population(study, branch)
        self._replicates = Replicates(study, self.best)
        self._values: dict[str, float | None] = {}  # of trials that have ended
        self._queue = Queue()
        for record in records:
            if branch in study.labels(record.arms, record.settings):
                self._recall(record)
        self._generation = 0
        self._members = self._population.first()
        self._plan()
        self._go_on()

    @property
    def done(self) -> bool:
        return self._queue.empty and self._searched and not self._replicates.left

    @property
    def states(self) -> frozenset[str]:
        """Those of the members of this generation and of their parents."""
        parents = {member.parent for member in self._members if member.parent}
        if self._searched:
            return frozenset()
        return frozenset(parents if self._last else parents | {member.trial.identity for member in self._members})

    def next(self) -> Planned | None:
        """The next trial, or None where none can start yet or none is left."""
        return self._queue.take(lambda: self._replicates.next() if self._searched else None)

    def put_back(self, planned: Planned) -> None:
        """Take a trial back that was not begun: it is the next one again."""
        self._queue.put_back(planned)

    def report(self, planned: Planned, epoch: int, values: Sequence[float]) -> None:
        """Nothing: members are compared at the end of a generation."""

    def tell(self, planned: Planned, status: str, values: Sequence[float]) -> None:
        """How a trial ended, with its metric after its last epoch; NaN where there is none."""
        self._queue.running -= 1
        if planned.role != REPLICATE:
            self._values[planned.trial.identity] = _value(status, values)
            self._go_on()

    def best(self) -> list[Trial]:
        """The member of the last generation with the best value; none where none has one."""
        trials = {member.trial.identity: member.trial for member in self._members}
        known = {identity: self._values.get(identity) for identity in trials}
        able = {identity: (value,) for identity, value in known.items() if value is not None}
        return [trials[identity] for identity in objectives.best(able, self.study.objectives, 1)]

    @property
    def _last(self) -> bool:
        return self._generation + 1 == self._population.generations

    @property
    def _ended(self) -> bool:
        return all(member.trial.identity in self._values for member in self._members)

    @property
    def _searched(self) -> bool:
        return self._last and self._ended

    def _go_on(self) -> None:
        """Begin the next generation, where this one is over."""
        while self._ended and not self._last:
            self._generation += 1
            self._members = self._population.next(self._generation, self._members, self._values)
            self._plan()

    def _plan(self) -> None:
        """Those members of the generation that have not ended in an earlier start."""
        role = SEARCH if self._last else MEMBER
        left: list[Member] = [member for member in self._members if member.trial.identity not in self._values]
        self._queue.waiting += [Planned(member.trial, role, parent=member.parent) for member in left]

    def _recall(self, record: Record) -> None:
        """Take up a trial of an earlier start. One that was running is planned again and finds its own checkpoint."""
        if record.role == REPLICATE:
            self._replicates.recall(record)
        elif record.status != ledger.RUNNING:
            self._values[record.identity] = _value(record.status, measured(record, self.study))


def _value(status: str, values: Sequence[float]) -> float | None:
    found = objectives.finite(values) if status == ledger.FINISHED else None
    return None if found is None else found[0]
