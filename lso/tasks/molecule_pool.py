"""Molecules that are known before a search: a set that comes with RDKit, and a part of ZINC250k."""

from __future__ import annotations

import functools

import numpy as np

from lso.tasks import molecule_reading as reading
from pipelines.datasets import nci
from pipelines.sequences import cache, languages, zinc_data

DATA = ("nci", "zinc")
LANGUAGE = "smiles_fragments"
"""In which decoders write them."""

_MOST = 28_000  # molecules of ZINC250k


@functools.cache
def molecules(data: str) -> tuple[str, ...]:
    """What decoders can write of a set of molecules, distinct, in a fixed order; kept on disk."""
    lines = nci.lines() if data == "nci" else zinc_data.lines()
    if len(lines) > _MOST:
        order = np.random.RandomState(0).permutation(len(lines))[:_MOST]
        lines = [lines[row] for row in order]

    def compute() -> cache.Arrays:
        found = list(dict.fromkeys(text for text in map(reading.canonical, lines) if text))
        language = languages.language(LANGUAGE)
        rows = cache.encoded(f"molecules-{data}-all", found, language).rows
        return {"strings": np.array([found[row] for row in rows.tolist()])}

    return tuple(map(str, cache.kept(f"molecules-{data}-writable", lines, compute)["strings"]))


@functools.cache
def sizes(data: str) -> tuple[int, ...]:
    """Heavy atoms of every molecule of the pool, from disk where they were counted before."""
    pool = molecules(data)
    found = cache.kept(
        f"molecules-{data}-sizes", pool, lambda: {"sizes": np.array([reading.heavy(text) for text in pool])}
    )
    return tuple(int(size) for size in found["sizes"])
