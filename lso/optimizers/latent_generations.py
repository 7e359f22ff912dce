"""`local` with generations of neighbors in the latent space, bred on the surrogate between two batches."""

from __future__ import annotations

from lso.generations import search_in_generations
from lso.search import Search


def optimize(search: Search) -> None:
    """Score what the surrogate chooses among four generations of neighbors."""
    search_in_generations(search, {})
