"""Generations of proposals that are bred on the surrogate between two batches: only the last step costs calls.

Candidates are neighbors of the best codes, and children of the best strings where there is something to breed them. The
most promising of them, by the surrogate, are the parents of the next generation; at the end Thompson sampling chooses
among all generations.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lso.breeding import Breeds
from lso.neighborhood import Neighborhood, Pool, pool
from lso.novelty import Novelty
from lso.search import Search
from lso.surrogates.sight import Surrogate

_SETTINGS = Neighborhood(elites=50, sigma=(0.05, 0.6), crossed=0.15, prior=0.05)  # what is far off is seldom any good
_GENERATIONS, _OF_EACH = 4, 400
_NEAR = "neighborhood"


def search_in_generations(search: Search, breeders: Mapping[str, Breeds]) -> None:
    """Score what the surrogate chooses among four generations of 400 proposals.

    Args:
        breeders: ways to make children of strings, by names for the record. All ways have equal shares of a generation.
    """
    surrogate, novelty = Surrogate(search), Novelty(search)
    for random in search.rounds():
        propose(search, surrogate, novelty, breeders, random)


def propose(
    search: Search, surrogate: Surrogate, novelty: Novelty, breeders: Mapping[str, Breeds], random: np.random.Generator
) -> None:
    """One batch: score what the surrogate, fitted to all that is known, chooses among four generations."""
    surrogate.fit(random)
    score(search, surrogate, novelty, bred(search, surrogate, novelty, breeders, random), search.batch, random)


def bred(
    search: Search,
    surrogate: Surrogate,
    novelty: Novelty,
    breeders: Mapping[str, Breeds],
    random: np.random.Generator,
    *,
    niche: float = 0.0,
) -> dict[str, str]:
    """New strings of four generations, each with the name of the way in which it was made first.

    Args:
        niche: of the first parents, as in `Neighborhood`.
    """
    found = pool(search, size=_SETTINGS.elites, niche=niche)
    candidates: dict[str, str] = {}
    for _ in range(_GENERATIONS):
        proposed = _proposed(search, found, breeders, random)
        strings = list(proposed)
        candidates |= {strings[place]: proposed[strings[place]] for place in novelty.fresh(strings, most=len(strings))}
        if candidates:
            found = _promising(search, surrogate, found, list(candidates))
    return candidates


def score(
    search: Search,
    surrogate: Surrogate,
    novelty: Novelty,
    candidates: Mapping[str, str],
    count: int,
    random: np.random.Generator,
) -> None:
    """Score `count` of the candidates, as the surrogate chooses, in the order of how they were made."""
    strings = list(candidates)
    strings = [strings[place] for place in novelty.fresh(strings, most=len(strings))]
    chosen = [strings[place] for place in surrogate.choose(strings, count, random)]
    for source in dict.fromkeys(candidates.values()):
        own = [string for string in chosen if candidates[string] == source]
        if own:
            search.score(own, source=source)


def _proposed(
    search: Search, found: Pool, breeders: Mapping[str, Breeds], random: np.random.Generator
) -> dict[str, str]:
    """Strings, each with the name of the way in which it was made first."""
    share = _OF_EACH // (1 + len(breeders))
    near = search.space.decode(found.draw(share, _SETTINGS, random)) if len(found.codes) else []
    proposed = dict.fromkeys(near, _NEAR)
    for name, breeder in breeders.items():
        for child in breeder.children(found.strings, share, random):
            proposed.setdefault(child, name)
    return proposed


def _promising(search: Search, surrogate: Surrogate, found: Pool, candidates: list[str]) -> Pool:
    """The strings that the surrogate expects most of, candidates and those before, as parents.

    By its mean alone: a linear kernel knows least of what is largest, and generations of optimists would go there.
    """
    strings = list(dict.fromkeys(candidates + found.strings))
    means = surrogate.means(strings)
    kept = np.argsort(means, kind="stable")[: _SETTINGS.elites]
    codes = search.space.encode([strings[place] for place in kept])
    whole = np.isfinite(codes).all(1)
    return Pool(codes[whole], means[kept][whole], [strings[place] for place in kept[whole]], found.mean, found.spread)
