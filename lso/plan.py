"""Everything that a comparison of optimizers depends on, in one value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lso import optimizers
from lso.search import KNOWLEDGE
from methods.core.errors import BadInput, unknown


@dataclass(frozen=True)
class Plan:
    """What is run. Equal plans propose equal strings on equal machines.

    Attributes:
        task: its name, or `module:Class`.
        settings: that the task is built with.
        decoder: folder of the decoder, or None for one that is trained for every seed.
        reference: how the user named it.
        optimizers: the one that is asked for first, then those it is compared with.
        seeds: number of runs of each.
        budget: calls of the objective in a run.
        batch: calls an iteration.
        start: name of the start protocol.
        knowledge: what a search may know.

    Raises:
        BadInput: an unknown name, or a number too small.
    """

    task: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    decoder: str | None = None
    reference: str | None = None
    optimizers: tuple[str, ...] = (optimizers.DEFAULT,)
    seeds: int = 1
    budget: int = 250
    batch: int = 10
    start: str = "tlbo"
    knowledge: str = "descriptor"

    def __post_init__(self) -> None:
        for name in self.optimizers:
            optimizers.get(name)
        if len(set(self.optimizers)) < len(self.optimizers):
            raise BadInput("an optimizer cannot be compared with itself: name each one once")
        if self.knowledge not in KNOWLEDGE:
            raise unknown("knowledge", self.knowledge, KNOWLEDGE)
        for name in ("seeds", "budget", "batch"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.budget < self.batch:
            found = f"a budget of {self.budget} calls is less than a batch of {self.batch}"
            raise BadInput(f"{found}: raise the budget or lower the batch")

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return json.loads(json.dumps(asdict(self)))

    @property
    def identity(self) -> str:
        """8 hex digits that differ between plans that differ."""
        return hashlib.sha256(json.dumps(self.record(), sort_keys=True).encode()).hexdigest()[:8]

    @property
    def folder(self) -> Path:
        """Where results go by default."""
        task = self.task.replace(":", ".")
        return Path("results/lso") / f"{task}-{self.optimizers[0]}-{self.start}-{self.identity}"
