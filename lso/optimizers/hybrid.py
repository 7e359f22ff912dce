"""`local` with a second source of proposals, and generations that are bred on the surrogate between two batches.

Half of the candidates are neighbors in the latent space, half are children of the best strings. The most promising of
them, by the surrogate, are the parents of the next generation, which costs no calls; at the end Thompson sampling
chooses among all generations.
"""

from __future__ import annotations

import numpy as np

from lso.breeding import Breeder
from lso.neighborhood import Neighborhood, Pool, pool
from lso.novelty import Novelty
from lso.search import Search
from lso.surrogates.sight import Surrogate
from methods.core.errors import BadInput

_SETTINGS = Neighborhood(elites=50, sigma=(0.1, 2.0), crossed=0.25, prior=0.15)
_GENERATIONS, _OF_EACH = 4, 200


def optimize(search: Search) -> None:
    """Score what the surrogate chooses among four generations."""
    language = search.task.breeding()
    if language is None:
        raise BadInput(f"the task {search.task.name} names no language in which strings are bred: use local")
    surrogate, breeder, novelty = Surrogate(search), Breeder(language), Novelty(search)
    for random in search.rounds():
        surrogate.fit(random)
        found = pool(search, size=_SETTINGS.elites)
        candidates: dict[str, str] = {}
        for _ in range(_GENERATIONS):
            candidates |= _fresh(search, found, breeder, novelty, random)
            if candidates:
                found = _promising(search, surrogate, found, list(candidates))
        strings = list(candidates)
        strings = [strings[place] for place in novelty.fresh(strings, most=len(strings))]
        chosen = [strings[place] for place in surrogate.choose(strings, search.batch, random)]
        for source in ("neighborhood", "bred"):
            own = [string for string in chosen if candidates[string] == source]
            if own:
                search.score(own, source=source)


def _fresh(
    search: Search, found: Pool, breeder: Breeder, novelty: Novelty, random: np.random.Generator
) -> dict[str, str]:
    """New strings by both ways, each with the name of its own."""
    near = search.space.decode(found.draw(_OF_EACH, _SETTINGS, random)) if len(found.codes) else []
    bred = breeder.children(found.strings, _OF_EACH, random)
    strings = near + bred
    sources = ["neighborhood"] * len(near) + ["bred"] * len(bred)
    return {strings[place]: sources[place] for place in novelty.fresh(strings, most=len(strings))}


def _promising(search: Search, surrogate: Surrogate, found: Pool, candidates: list[str]) -> Pool:
    """The strings that the surrogate expects most of, candidates and those before, as parents."""
    strings = list(dict.fromkeys(candidates + found.strings))
    bounds = surrogate.bounds(strings)
    kept = np.argsort(bounds, kind="stable")[: _SETTINGS.elites]
    codes = search.space.encode([strings[place] for place in kept])
    whole = np.isfinite(codes).all(1)
    return Pool(codes[whole], bounds[kept][whole], [strings[place] for place in kept[whole]], found.mean, found.spread)
