"""Evolution in the latent space: neighbors of the best codes, without any model of the objective.

What is left of `local` without its surrogate, so the difference of the two is what the surrogate brings.
"""

from __future__ import annotations

import numpy as np

from lso.neighborhood import Neighborhood, pool
from lso.search import Search

_SETTINGS = Neighborhood(elites=20, sigma=(0.3, 1.2), prior=0.0)
_DECODED = 200


def optimize(search: Search) -> None:
    """Score random new neighbors of the 20 best."""
    for random in search.rounds():
        found = pool(search, size=_SETTINGS.elites)
        codes = found.draw(_DECODED, _SETTINGS, random)
        strings = search.space.decode(codes)
        chosen = np.array(search.fresh(strings, most=search.batch), dtype=np.int64)
        search.score([strings[place] for place in chosen], source="neighborhood", codes=codes[chosen])
