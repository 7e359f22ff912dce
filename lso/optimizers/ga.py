"""A genetic algorithm on the strings themselves: parse trees of expressions, tokens of molecules. No decoder at all.

Source: Koza 1992 for trees; for tokens, in the manner of Nigam et al. 2020.
"""

from __future__ import annotations

import numpy as np

from lso.breeding import Breeder, Breeds
from lso.search import Search
from methods.core.errors import BadInput

_POPULATION = 100


def optimize(search: Search) -> None:
    """Score children of the 100 best strings, the better ones being parents more often."""
    language = search.task.breeding()
    if language is None:
        raise BadInput(f"the task {search.task.name} names no language in which strings are bred: leave ga out")
    evolve(search, Breeder(language), children=20)


def evolve(search: Search, breeder: Breeds, *, children: int) -> None:
    """Score children of the 100 best strings of the start and of what was found.

    Args:
        breeder: makes them.
        children: made for every call of the objective; those that are known are passed over.
    """
    for random in search.rounds():
        made = breeder.children(_parents(search, _POPULATION), children * search.batch, random)
        chosen = search.fresh(made, most=search.batch)
        if chosen:
            search.score([made[place] for place in chosen], source="bred")


def _parents(search: Search, count: int) -> list[str]:
    """The best strings of the start and of what was found, best first."""
    order = np.argsort(search.start_costs, kind="stable")[:count]
    strings = [search.start.strings[row] for row in order] + search.strings
    costs = np.concatenate([search.start_costs[order], search.costs])
    return [strings[place] for place in np.argsort(costs, kind="stable")[:count]]
