"""The replicates of what a search found: its best trials under the seeds 1, 2, …"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Record
from orchestrator.records.schema import REPLICATE
from orchestrator.search.planned import Planned
from pipelines.trial import Trial


class Replicates:
    """Those of one branch that have not ended yet.

    Args:
        study: says how many.
        best: what is replicated; asked once, when the search is over.
    """

    def __init__(self, study: Study, best: Callable[[], list[Trial]]) -> None:
        self._study, self._best = study, best
        self._ended: set[str] = set()
        self._left: list[Planned] | None = None

    @property
    def begun(self) -> bool:
        """Whether the search was over already."""
        return self._left is not None

    @property
    def left(self) -> list[Planned]:
        """Those that nobody runs yet. Ask only where the search is over."""
        if self._left is None:
            seeds = range(1, self._study.replicates + 1)
            trials = [dataclasses.replace(best, seed=seed) for best in self._best() for seed in seeds]
            self._left = [Planned(trial, REPLICATE) for trial in trials if trial.identity not in self._ended]
        return self._left

    def next(self) -> Planned | None:
        """The next one, or None."""
        return self.left.pop(0) if self.left else None

    def recall(self, record: Record) -> None:
        """Take up a replicate of an earlier start. One that was running is planned again."""
        if record.status != ledger.RUNNING:
            self._ended.add(record.identity)
