"""Half of every batch from wide neighborhoods, half bred on the surrogate: neither way fails where the other does.

What is decoded far from all that is known (`local`) finds strings of another kind, of which the surrogate can tell but
little; generations bred on the surrogate (`hybrid`) make the most of what it can tell, and lead nowhere where it errs.
Parents of both differ in their scores, so that a plateau cannot fill the pool.

A fixed portfolio of two ways to propose, after Hoffman, Brochu and de Freitas 2011, who learn its shares.
"""

from __future__ import annotations

import dataclasses

from lso import generations
from lso.novelty import Novelty
from lso.optimizers import local
from lso.search import Search
from lso.surrogates.sight import Surrogate

_NICHE = 0.01
_WIDE = dataclasses.replace(local.SETTINGS, niche=_NICHE)


def optimize(search: Search) -> None:
    """Score what the surrogate chooses among wide neighbors of the best, and among four generations."""
    surrogate, novelty, breeders = Surrogate(search), Novelty(search), search.task.breeders()
    for random in search.rounds():
        near = local.neighbors(search, novelty, random, settings=_WIDE)
        surrogate.fit(random)
        bred = generations.bred(search, surrogate, novelty, breeders, random, niche=_NICHE)
        before = search.unique_calls
        local.score(search, surrogate, near, (search.batch + search.iteration % 2) // 2, random)
        generations.score(search, surrogate, novelty, bred, search.batch - (search.unique_calls - before), random)
