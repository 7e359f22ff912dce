"""Neighbors in the latent space and children of the best strings, bred for four generations on the surrogate.

Expressions have children by their parse trees, molecules by their graphs.
"""

from __future__ import annotations

from lso.generations import search_in_generations
from lso.search import Search
from methods.core.errors import BadInput


def optimize(search: Search) -> None:
    """Score what the surrogate chooses among four generations."""
    breeders = search.task.breeders()
    if not breeders:
        raise BadInput(f"the task {search.task.name} names no way to breed strings: use local")
    search_in_generations(search, breeders)
