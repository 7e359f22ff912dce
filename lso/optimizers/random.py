"""Random strings of the start, whose scores it has not seen: what any search has to beat."""

from __future__ import annotations

import numpy as np

from lso.search import Search


def optimize(search: Search) -> None:
    """Score the strings of the start in a random order."""
    search.forget_start()
    strings = search.start.strings
    order = np.random.default_rng([search.seed, 1 << 21]).permutation(len(strings))
    place = 0
    for _ in search.rounds():
        search.score([strings[row] for row in order[place : place + search.batch]], source="start")
        place += search.batch
