"""Crossover of two molecules' graphs, for a genetic algorithm.

Source: Jensen 2019, Chemical Science 10, 3567: both parents are cut at a random position, outside of a ring or through
one, each with probability one half, and a piece of the one is joined to a piece of the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lso.graph_mutation import Graph, connect

Cut = tuple[int, int]


class _Piece(NamedTuple):
    """Of a cut molecule, and the atoms at which it was cut, in the order of the cuts."""

    graph: Any
    ends: list[int]


def cross(one: Graph, other: Graph, random: np.random.Generator) -> Graph | None:
    """A child of two graphs, which stay as they are; None where a parent has no place for the kind of cut drawn.

    The child may break rules of valence: whoever asks checks that.
    """
    cuts = _through_ring if random.random() < 0.5 else _outside_rings
    first, second = _piece(one, cuts(one, random), random), _piece(other, cuts(other, random), random)
    if first is None or second is None:
        return None
    return _joined(first, second, random)


def _outside_rings(graph: Graph, random: np.random.Generator) -> list[Cut]:
    """One single bond."""
    found = [
        (bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())
        for bond in graph.GetBonds()
        if bond.GetBondTypeAsDouble() == 1 and not bond.IsInRing()
    ]
    return [found[random.integers(len(found))]] if found else []


def _through_ring(graph: Graph, random: np.random.Generator) -> list[Cut]:
    """Two bonds of a ring, next to each other or with one between them."""
    rings = graph.GetRingInfo().AtomRings()
    if not rings:
        return []
    ring = rings[random.integers(len(rings))]
    apart, first = int(random.integers(1, 3)), int(random.integers(len(ring)))
    a, b, c, d = (ring[(first + step) % len(ring)] for step in (0, 1, apart, apart + 1))
    return [(a, b), (c, d)]


def _piece(graph: Graph, cuts: list[Cut], random: np.random.Generator) -> _Piece | None:
    """One of the two pieces; None without cuts, or where the ring holds together by another."""
    from rdkit import Chem

    rest = Chem.RWMol(graph)
    for cut in cuts:
        rest.RemoveBond(*cut)
    where: list[list[int]] = []
    pieces = Chem.GetMolFrags(rest, asMols=True, sanitizeFrags=False, fragsMolAtomMapping=where)
    if len(pieces) != 2:
        return None
    chosen = int(random.integers(2))
    places = {atom: place for place, atom in enumerate(where[chosen])}
    ends = [places[atom] for cut in cuts for atom in cut if atom in places]
    return _Piece(pieces[chosen], ends) if len(ends) == len(cuts) else None


def _joined(one: _Piece, other: _Piece, random: np.random.Generator) -> Graph | None:
    """The pieces with a new bond for every cut: single outside of rings, single or double in one."""
    from rdkit import Chem

    child, shift = Chem.RWMol(Chem.CombineMols(one.graph, other.graph)), one.graph.GetNumAtoms()
    ends = random.permutation(other.ends).tolist()
    for left, right in zip(one.ends, ends, strict=True):
        if child.GetBondBetweenAtoms(left, right + shift) is not None:
            return None
        connect(child, left, right + shift, 1 if len(ends) == 1 else int(random.integers(1, 3)))
    return child
