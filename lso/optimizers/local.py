"""The default: thousands of neighbors of the best codes are decoded, and a Gaussian process chooses what to score.

Every score belongs to the code that its string encodes to, not to the code that was proposed. What was seen before, or
seems to mean the same as what was seen, is dropped before the process chooses by Thompson sampling. It looks at codes
and at pieces of the strings, or at the task's descriptor where the search may know it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lso.codes import Codes
from lso.neighborhood import Neighborhood, pool
from lso.novelty import Novelty
from lso.search import Search
from lso.surrogates.sight import Surrogate

_SETTINGS = Neighborhood(elites=50, sigma=(0.3, 2.0), crossed=0.3, prior=0.3)
_DECODED, _KEPT, _PART = 6000, 2000, 1000


def optimize(search: Search) -> None:
    """Score what the surrogate chooses among new neighbors of the best."""
    surrogate, novelty = Surrogate(search), Novelty(search)
    for random in search.rounds():
        propose(search, surrogate, novelty, random)


def propose(search: Search, surrogate: Surrogate, novelty: Novelty, random: np.random.Generator) -> None:
    """One batch: score what the surrogate, fitted to all that is known, chooses among new neighbors of the best."""
    codes = pool(search, size=_SETTINGS.elites).draw(_DECODED, _SETTINGS, random)
    strings, fresh = _new(search, novelty, codes)
    surrogate.fit(random)
    chosen = fresh[surrogate.choose([strings[place] for place in fresh], search.batch, random)]
    if len(chosen):
        search.score([strings[place] for place in chosen], source="neighborhood", codes=codes[chosen])


def _new(search: Search, novelty: Novelty, codes: Codes) -> tuple[list[str], NDArray[np.int64]]:
    """Strings of the codes, in parts and no more than it takes to find enough that are new, and places of those."""
    strings: list[str] = []
    for start in range(0, len(codes), _PART):
        strings += search.space.decode(codes[start : start + _PART])
        fresh = novelty.fresh(strings, most=_KEPT)
        if len(fresh) == _KEPT:
            break
    return strings, fresh
