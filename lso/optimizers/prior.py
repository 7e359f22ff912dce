"""Draws from the method's prior, decoded: what a decoder knows without any search."""

from __future__ import annotations

from lso.search import Search


def optimize(search: Search) -> None:
    """Score what draws from the prior decode to."""
    for random in search.rounds():
        codes = search.space.prior(search.batch, seed=int(random.integers(1 << 31)))
        search.score(search.space.decode(codes), source="prior", codes=codes)
