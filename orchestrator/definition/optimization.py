"""What a study wants of its decoders: searches with each of them, whose outcome chooses among configurations."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, Field

from lso import outcome, tasks
from lso.outcome import NAMES
from lso.plan import Plan
from lso.task import Task
from methods.core.base import Method
from methods.core.errors import BadInput
from orchestrator.definition.strict import STRICT
from pipelines.metrics.metric import Metric

PREFIX = "lso/"
"""Of the names of outcomes: `lso/expression/best`."""

_MEANING = {
    "best": "best score that searches with the decoder found",
    "calls": "calls of the objective until the task was solved, or the budget",
    "valid": "share of a search's proposals that mean something",
}


class Optimization(BaseModel):
    """Searches with the decoder of every trial, once it is trained.

    Outcomes are `lso/<task>/best`, `lso/<task>/calls` and `lso/<task>/valid`, means over the searches. The default
    optimizer has no model of the objective, so that what it finds is the latent space's merit, and takes a second.

    Attributes:
        task: `expression`, `molecule` or `module:Class`.
        settings: of the task, such as `{target: "x * x"}`.
        start: what the searches know before; the study's data should show an autoencoder the same.
        optimizer: that proposes.
        budget: calls of the objective in a search.
        batch: calls an iteration.
        knowledge: what a search may know.
        seeds: searches with one decoder.
    """

    model_config = STRICT

    task: str
    settings: dict[str, Any] = {}
    start: str = "tlbo"
    optimizer: str = "evolution"
    budget: int = Field(default=250, ge=1)
    batch: int = Field(default=10, ge=1)
    knowledge: str = "black_box"
    seeds: int = Field(default=3, ge=1)

    @property
    def metrics(self) -> list[str]:
        """The names of its outcomes."""
        return [f"{PREFIX}{self.task}/{name}" for name in NAMES]

    def built(self) -> Task:
        return tasks.build(self.task, self.settings)

    def plan(self) -> Plan:
        """How searches with one decoder are run.

        Raises:
            BadInput: an unknown name, or a budget smaller than a batch.
        """
        return Plan(
            self.task,
            self.settings,
            optimizers=(self.optimizer,),
            seeds=self.seeds,
            budget=self.budget,
            batch=self.batch,
            start=self.start,
            knowledge=self.knowledge,
        )

    def suits(self, likelihood: str) -> None:
        """Whether the task reads what a decoder with this likelihood writes.

        Raises:
            BadInput: it does not.
        """
        outcome.check(self.built(), likelihood)

    def measure(self, method: Method) -> dict[str, float]:
        """The outcomes of searches with a trained method, by name.

        Raises:
            BadInput: it writes no strings, or nothing valid.
        """
        found = outcome.measure(self.built(), method, self.plan())
        return {f"{PREFIX}{self.task}/{name}": value for name, value in found.items()}

    @property
    def fact(self) -> str:
        """All of it in a line, the same for equal ones."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


def check(optimization: Optimization) -> None:
    """Whether everything that it names is there.

    Raises:
        BadInput: it is not, or the budget is smaller than a batch.
    """
    try:
        optimization.built()
        optimization.plan()
    except BadInput as error:
        raise BadInput(f"optimization: {error}") from error


def described(metric: str) -> Metric | None:
    """What an outcome means, and whether more of it is better; None for another metric."""
    task, _, name = metric.removeprefix(PREFIX).rpartition("/")
    if not metric.startswith(PREFIX) or name not in _MEANING:
        return None
    try:
        higher = {"best": tasks.build(task, {}).maximize, "calls": False, "valid": True}[name]
    except BadInput:  # a task that is not on this machine
        higher = None
    return Metric(metric, "", higher, _MEANING[name])
