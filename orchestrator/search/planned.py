"""What the searches of a study's branches have in common: the trials that they plan, and how they are asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import optuna

from orchestrator.definition.study import Study
from orchestrator.records.ledger import Record
from pipelines.trial import Trial


@dataclass
class Planned:
    """A trial to run.

    Attributes:
        trial: all its settings.
        role: `search`, `member` or `replicate`.
        draw: Optuna's side of a configuration.
        reported: the last epoch that Optuna was told of.
        parent: the identity of a trial that this one goes on from, where that has left its state; empty for none.
    """

    trial: Trial
    role: str
    draw: optuna.trial.Trial | None = None
    reported: int = 0
    parent: str = ""


class Queue:
    """The trials of a branch that wait to be run, and how many run.

    Attributes:
        waiting: in the order in which they are run.
        running: trials that were taken and have not ended.
    """

    def __init__(self) -> None:
        self.waiting: list[Planned] = []
        self.running = 0

    @property
    def empty(self) -> bool:
        """Whether no trial waits or runs."""
        return self.running == 0 and not self.waiting

    def take(self, further: Callable[[], Planned | None]) -> Planned | None:
        """The trial that waits longest, else what `further` says; it counts as running."""
        planned = self.waiting.pop(0) if self.waiting else further()
        self.running += planned is not None
        return planned

    def put_back(self, planned: Planned) -> None:
        """Take a trial back that was not begun: it is the next one again."""
        self.waiting.insert(0, planned)
        self.running -= 1


class Search(Protocol):
    """The trials of one branch. Built from the records so far, so a second start goes on where the first stopped.

    Attributes:
        branch: its name.
    """

    branch: str

    @property
    def done(self) -> bool:
        """Whether all trials have ended."""

    @property
    def states(self) -> frozenset[str]:
        """The trials whose final states others may still go on from, by identity."""

    def next(self) -> Planned | None:
        """The next trial, or None where none can start yet or none is left."""

    def put_back(self, planned: Planned) -> None:
        """Take a trial back that was not begun: it is the next one again."""

    def report(self, planned: Planned, epoch: int, values: Sequence[float]) -> None:
        """A trial's metrics after `epoch`."""

    def tell(self, planned: Planned, status: str, values: Sequence[float]) -> None:
        """How a trial ended, with the metrics after its last epoch; NaN where there is none."""

    def best(self) -> list[Trial]:
        """What is replicated, under seed 0."""


def measured(record: Record, study: Study) -> tuple[float, ...]:
    """The objectives at the last reports that have them; NaN where none has."""
    found = (record.value(each.metric) for each in study.objectives)
    return tuple(math.nan if value is None else value for value in found)
