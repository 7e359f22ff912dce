"""What the searches of a study's branches have in common: the trials that they plan, and how they are asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
