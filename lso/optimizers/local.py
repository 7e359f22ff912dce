"""Thousands of neighbors of the best codes are decoded, and a Gaussian process chooses what to score.

Every score belongs to the code that its string encodes to, not to the code that was proposed. What was seen before, or
seems to mean the same as what was seen, is dropped before the process chooses by Thompson sampling. It looks at codes
and at pieces of the strings, or at the task's descriptor where the search may know it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lso.neighborhood import Neighborhood, pool
from lso.novelty import Novelty
from lso.search import Search
from lso.surrogates.sight import Surrogate

SETTINGS = Neighborhood(elites=50, sigma=(0.3, 2.0), crossed=0.3, prior=0.3)
_DECODED, _KEPT, _PART = 6000, 2000, 1000


def optimize(search: Search) -> None:
    """Score what the surrogate chooses among new neighbors of the best."""
    surrogate, novelty = Surrogate(search), Novelty(search)
    for random in search.rounds():
        propose(search, surrogate, novelty, random)


def propose(search: Search, surrogate: Surrogate, novelty: Novelty, random: np.random.Generator) -> None:
    """One batch: score what the surrogate, fitted to all that is known, chooses among new neighbors of the best."""
    near = neighbors(search, novelty, random)
    surrogate.fit(random)
    score(search, surrogate, near, search.batch, random)


def neighbors(
    search: Search, novelty: Novelty, random: np.random.Generator, *, settings: Neighborhood = SETTINGS
) -> dict[str, NDArray[np.float64]]:
    """New strings around the best ones, each with the code that it was decoded from.

    Codes are decoded in parts, and no more of them than it takes to find enough that are new.
    """
    codes = pool(search, size=settings.elites, niche=settings.niche).draw(_DECODED, settings, random)
    strings: list[str] = []
    for start in range(0, len(codes), _PART):
        strings += search.space.decode(codes[start : start + _PART])
        fresh = novelty.fresh(strings, most=_KEPT)
        if len(fresh) == _KEPT:
            break
    return {strings[place]: codes[place] for place in fresh}


def score(
    search: Search,
    surrogate: Surrogate,
    near: Mapping[str, NDArray[np.float64]],
    count: int,
    random: np.random.Generator,
) -> None:
    """Score `count` of the neighbors, as the surrogate chooses."""
    strings = list(near)
    chosen = [strings[place] for place in surrogate.choose(strings, count, random)]
    if chosen:
        search.score(chosen, source="neighborhood", codes=np.stack([near[string] for string in chosen]))
