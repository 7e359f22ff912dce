"""A search in progress: what an optimizer sees, and the one door to the objective, where every call is counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from lso.codes import Codes, Space
from lso.record import Row
from lso.task import Start, Task, Values
from methods.core.errors import BadInput, unknown

KNOWLEDGE = ("black_box", "canonicalised", "descriptor")
"""What a search may know beside strings and scores: nothing; which strings mean the same; features of what they mean.

Results of different knowledge are never compared as if it were the same."""

_DRY = 40  # iterations without a single call after which a search has nothing left to propose
_HOPELESS = 500  # proposals without a single valid one after which a decoder is taken to write none

Observer = Callable[[Sequence[Row], NDArray[np.float32]], None]
"""Told of rows, with codes (rows, latent), NaN where there are none."""


class Spent(Exception):
    """The budget is spent or the task is solved: the search is over."""


class Search:
    """One run of one optimizer.

    Costs are what optimizers minimize: scores, or their negatives where high scores are good.

    Args:
        task: what is optimized.
        space: where.
        start: what is known before.
        optimizer: its name.
        seed: of the run.
        budget: most calls of the objective.
        batch: calls an iteration, as far as an optimizer works in batches.
        knowledge: of `KNOWLEDGE`.
        known: scores that need no call, of strings in an earlier record: what makes a run resume.
        observe: told of every proposal.
    """

    def __init__(
        self,
        task: Task,
        space: Space,
        start: Start,
        *,
        optimizer: str,
        seed: int = 0,
        budget: int = 250,
        batch: int = 10,
        knowledge: str = "black_box",
        known: dict[str, float] | None = None,
        observe: Observer = lambda rows, codes: None,
    ) -> None:
        if knowledge not in KNOWLEDGE:
            raise unknown("knowledge", knowledge, KNOWLEDGE)
        if not 1 <= batch <= budget:
            raise BadInput(f"a budget of {budget} calls is less than a batch of {batch}: give a larger --budget")
        self.task, self.space, self.start = task, space, start
        self.optimizer, self.seed, self.budget, self.batch, self.knowledge = optimizer, seed, budget, batch, knowledge
        self._known, self._observe = known or {}, observe
        self.iteration, self.proposals, self.valid_calls, self.unique_calls = -1, 0, 0, 0
        self.strings: list[str] = []
        self._costs: list[float] = []
        self._seen: dict[str, float] = {}
        self._keys: dict[str, str | None] = {}
        self._described = False
        self._ended = False
        for string, cost in zip(start.strings, self._signed(start.scores), strict=True):
            key = self.key(string)
            if key is not None:
                self._seen.setdefault(key, float(cost))

    # What is known

    @property
    def label(self) -> str:
        """The knowledge that was really used."""
        if self._described:
            return "descriptor"
        return "black_box" if self.knowledge == "black_box" else "canonicalised"

    @property
    def costs(self) -> Values:
        """Of `strings`, the new ones so far."""
        return np.array(self._costs)

    @property
    def start_costs(self) -> Values:
        """Of the strings known before."""
        return self._signed(self.start.scores)

    @property
    def solved(self) -> bool:
        """Whether something was found than which nothing is better."""
        if self.task.solved is None or not self._costs:
            return False
        return min(self._costs) <= self._sign(self.task.solved)

    def key(self, string: str) -> str | None:
        """What strings share that are not scored twice; None for one that means nothing."""
        if string not in self._keys:
            with self._asking([string]):
                readable = self.task.readable(string)
                if readable is not None and self.knowledge != "black_box":
                    readable = self.task.canonical(readable)
            self._keys[string] = readable
        return self._keys[string]

    def fresh(self, strings: Sequence[str], *, most: int | None = None) -> list[int]:
        """Places of strings that are valid, not yet seen, and different from each other: `most` of them at most."""
        found: dict[str, int] = {}
        for place, string in enumerate(strings):
            key = self.key(string)
            if key is not None and key not in self._seen and key not in found:
                found[key] = place
                if len(found) == most:
                    break
        return list(found.values())

    def descriptor(self, strings: Sequence[str]) -> Values | None:
        """The task's features of strings, where the search may know them and the task has some."""
        if self.knowledge != "descriptor":
            return None
        with self._asking(strings):
            found = self.task.descriptor(strings)
        self._described = self._described or found is not None
        return found

    def forget_start(self) -> None:
        """Know nothing before the first call, so that strings of the start are called for and counted."""
        self._seen.clear()

    # What is done

    def rounds(self) -> Iterator[np.random.Generator]:
        """Iterations until the budget is spent, the task solved or nothing new comes, each with its own randomness."""
        dry = 0
        while not self._ended and dry < _DRY:
            self.iteration += 1
            before = self.unique_calls
            yield np.random.default_rng([self.seed, self.iteration])
            dry = dry + 1 if self.unique_calls == before else 0

    def score(self, strings: Sequence[str], *, source: str, codes: Codes | None = None) -> Values:
        """Costs of proposals: of new ones by calls of the objective, of repeats from memory, NaN for invalid ones.

        Args:
            strings: proposals.
            source: how they were made, for the record.
            codes: that they were decoded from.

        Raises:
            Spent: nothing may follow.
            BadInput: the task fails, or the proposals never mean anything.
        """
        if self._ended:
            raise Spent
        left = self.budget - self.unique_calls
        called = self._call([strings[place] for place in self.fresh(strings, most=left)])
        costs = np.full(len(strings), np.nan)
        rows = []
        for place, string in enumerate(strings):
            row = self._count(string, called, source)
            if row is None:
                break
            costs[place] = math.nan if row.score is None else self._sign(row.score)
            rows.append(row)
        self._tell(rows, codes)
        self._check()
        return costs

    def _call(self, strings: list[str]) -> dict[str, float]:
        """Scores by string; those in an earlier record are not asked for again."""
        asked = [string for string in strings if string not in self._known]
        with self._asking(asked):
            scores = [float(score) for score in self.task.score(asked)] if asked else []
        if len(scores) != len(asked):
            raise BadInput(f"the task {self.task.name} returned {len(scores)} scores for {len(asked)} strings")
        for string, score in zip(asked, scores, strict=True):
            if not math.isfinite(score):
                raise BadInput(f"the task {self.task.name} returned {score} for {string!r}: scores must be finite")
        fresh = dict(zip(asked, scores, strict=True))
        return {string: fresh[string] if string in fresh else self._known[string] for string in strings}

    @contextmanager
    def _asking(self, strings: Sequence[str]) -> Iterator[None]:
        """Whatever the task raises in here is its failure on these strings."""
        try:
            yield
        except Exception as error:
            raise BadInput(f"the task {self.task.name} failed on {_some(strings)}: {error}") from error

    def _count(self, string: str, called: dict[str, float], source: str) -> Row | None:
        """The proposal's row; None for one beyond the budget."""
        key = self.key(string)
        new = key is not None and key not in self._seen
        if new and string not in called:
            return None
        if key is not None and new:
            self._seen[key] = self._sign(called[string])
            self.strings.append(string)
            self._costs.append(self._seen[key])
            self.unique_calls += 1
        self.proposals += 1
        self.valid_calls += key is not None
        score = None if key is None else self._sign(self._seen[key])
        where = (self.optimizer, self.seed, self.iteration, source, string, key or "", score, key is not None, new)
        return Row(*where, self.proposals, self.valid_calls, self.unique_calls)

    def _tell(self, rows: list[Row], codes: Codes | None) -> None:
        none = np.full((len(rows), self.space.latent), np.nan, np.float32)
        self._observe(rows, none if codes is None else codes[: len(rows)].astype(np.float32))

    def _check(self) -> None:
        if self.proposals >= _HOPELESS and not self.valid_calls:
            raise BadInput(
                f"none of {self.proposals} proposals is valid: the decoder writes nothing that can be scored"
            )
        self._ended = self.unique_calls >= self.budget or self.solved
        if self._ended:
            raise Spent

    def _sign(self, score: float) -> float:
        return -score if self.task.maximize else score

    def _signed(self, scores: Values) -> Values:
        return -scores if self.task.maximize else scores


def _some(strings: Sequence[str]) -> str:
    return repr(strings[0]) if len(strings) == 1 else f"{len(strings)} strings, the first of which is {strings[0]!r}"
