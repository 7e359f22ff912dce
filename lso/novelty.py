"""What is worth proposing: strings that were not scored and do not seem to mean the same as one that was."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lso.equivalence import Equivalence
from lso.search import Search
from pipelines.sequences.language import Derivations

_LEARNED = 12_000  # strings of the start that equivalences are learned from


class Novelty:
    """The new ones among many strings.

    A search that may know which strings mean the same asks the task; one that may not guesses from the start's scores,
    if its strings are sentences of a grammar.

    Args:
        search: whose strings are known.
    """

    def __init__(self, search: Search) -> None:
        self._search = search
        self._seen: set[bytes] = set()
        self._counted = 0
        self._equivalence: Equivalence | None = None
        language = search.task.breeding()
        if search.knowledge == "black_box" and isinstance(language, Derivations) and len(search.start.strings):
            strings, costs = search.start.strings, search.start_costs
            rows = np.random.default_rng([search.seed, 1 << 24]).permutation(len(strings))[:_LEARNED]
            self._equivalence = Equivalence(language, [strings[row] for row in rows], costs[rows])
            self._seen = {self._equivalence.form(string) for string in strings}

    def fresh(self, strings: Sequence[str], *, most: int) -> NDArray[np.int64]:
        """Places of at most `most` strings that are new, valid, and different from each other."""
        if self._equivalence is None:
            return np.array(self._search.fresh(strings, most=most), dtype=np.int64)
        form = self._equivalence.form
        self._seen.update(form(string) for string in self._search.strings[self._counted :])
        self._counted = len(self._search.strings)
        found: dict[bytes, int] = {}
        for place in self._search.fresh(strings):
            own = form(strings[place])
            if own not in self._seen and own not in found:
                found[own] = place
                if len(found) == most:
                    break
        return np.array(list(found.values()), dtype=np.int64)
