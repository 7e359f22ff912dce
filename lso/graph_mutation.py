"""Mutations of a molecule's graph, for a genetic algorithm.

Source: Jensen 2019, "A graph-based genetic algorithm and generative model/Monte Carlo tree search for the exploration
of chemical space", Chemical Science 10, 3567: seven kinds of change, about equally likely.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

Graph = Any
"""RDKit's `RWMol`, with single, double and triple bonds alone. It is imported where it is used."""

_APPENDED = {1: (6, 7, 8, 9, 16, 17, 35), 2: (6, 7, 8), 3: (6, 7)}
"""Elements by the order of their only bond."""

_INSERTED = {1: (6, 7, 8, 16), 2: (6, 7), 3: (6,)}
"""Elements by the order of one of their two bonds; the other one is single."""

_ORDERS = (0.60, 0.35, 0.05)  # probabilities of single, double and triple bonds
_RINGS = {3: 0.05, 4: 0.05, 5: 0.45, 6: 0.45}  # probabilities of the sizes of new rings


def mutate(graph: Graph, random: np.random.Generator) -> bool:
    """Change a graph in place at a random position. It may break rules of valence: whoever asks checks that.

    Returns:
        Whether the kind of change that was drawn has a place in this graph.
    """
    kinds = list(_KINDS)
    return kinds[random.choice(len(kinds), p=[_KINDS[kind] for kind in kinds])](graph, random)


def connect(graph: Graph, one: int, other: int, order: int) -> None:
    """Add a bond of this order."""
    from rdkit import Chem

    bonds = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}
    graph.AddBond(int(one), int(other), bonds[int(order)])


def _append(graph: Graph, random: np.random.Generator) -> bool:
    """A new atom on one that has hydrogens enough."""
    order = _order(random)
    hosts = [atom.GetIdx() for atom in graph.GetAtoms() if atom.GetTotalNumHs() >= order]
    if not hosts:
        return False
    connect(graph, _one(hosts, random), _new(graph, _APPENDED[order], random), order)
    return True


def _insert(graph: Graph, random: np.random.Generator) -> bool:
    """A new atom between two neighbors."""
    if not graph.GetNumBonds():
        return False
    order = _order(random)
    bond = graph.GetBondWithIdx(int(random.integers(graph.GetNumBonds())))
    one, other = random.permutation([bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()]).tolist()
    graph.RemoveBond(one, other)
    new = _new(graph, _INSERTED[order], random)
    connect(graph, one, new, order)
    connect(graph, new, other, 1)
    return True


def _delete(graph: Graph, random: np.random.Generator) -> bool:
    """An atom less; its neighbors are joined into a chain."""
    if graph.GetNumAtoms() < 2:
        return False
    atom = graph.GetAtomWithIdx(int(random.integers(graph.GetNumAtoms())))
    ends = random.permutation([neighbor.GetIdx() for neighbor in atom.GetNeighbors()]).tolist()
    for one, other in itertools.pairwise(ends):
        if graph.GetBondBetweenAtoms(one, other) is None:
            connect(graph, one, other, 1)
    graph.RemoveAtom(atom.GetIdx())
    return True


def _change_atom(graph: Graph, random: np.random.Generator) -> bool:
    """Another element in the place of an atom without a charge."""
    places = [atom.GetIdx() for atom in graph.GetAtoms() if not atom.GetFormalCharge()]
    if not places:
        return False
    atom = graph.GetAtomWithIdx(_one(places, random))
    others = [element for element in _APPENDED[1] if element != atom.GetAtomicNum()]
    atom.SetAtomicNum(_one(others, random))
    return True


def _change_bond(graph: Graph, random: np.random.Generator) -> bool:
    """Another order of a bond; triple ones only outside of rings."""
    from rdkit import Chem

    if not graph.GetNumBonds():
        return False
    bond = graph.GetBondWithIdx(int(random.integers(graph.GetNumBonds())))
    orders = (Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
    allowed = [
        order != bond.GetBondType() and not (place == 2 and bond.IsInRing()) for place, order in enumerate(orders)
    ]
    weights = np.array(_ORDERS) * allowed
    bond.SetBondType(orders[random.choice(3, p=weights / weights.sum())])
    return True


def _open_ring(graph: Graph, random: np.random.Generator) -> bool:
    """A bond of a ring less."""
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in graph.GetBonds() if bond.IsInRing()]
    if not bonds:
        return False
    graph.RemoveBond(*bonds[random.integers(len(bonds))])
    return True


def _close_ring(graph: Graph, random: np.random.Generator) -> bool:
    """A bond that makes a new ring of 3 to 6 atoms, between atoms with hydrogens."""
    from rdkit import Chem

    size = int(random.choice(list(_RINGS), p=list(_RINGS.values())))
    free = np.array([atom.GetTotalNumHs() > 0 for atom in graph.GetAtoms()])
    apart = np.triu(Chem.GetDistanceMatrix(graph, force=True) == size - 1) & free & free[:, None]
    pairs = np.argwhere(apart)
    if not len(pairs):
        return False
    one, other = pairs[random.integers(len(pairs))]
    connect(graph, one, other, 1)
    return True


def _order(random: np.random.Generator) -> int:
    return int(random.choice(3, p=_ORDERS)) + 1


def _new(graph: Graph, elements: tuple[int, ...], random: np.random.Generator) -> int:
    from rdkit import Chem

    return int(graph.AddAtom(Chem.Atom(_one(elements, random))))


def _one(choices: tuple[int, ...] | list[int], random: np.random.Generator) -> int:
    return int(choices[random.integers(len(choices))])


_KINDS: dict[Callable[[Graph, np.random.Generator], bool], float] = {
    _append: 0.15,
    _insert: 0.15,
    _delete: 0.14,
    _change_atom: 0.14,
    _change_bond: 0.14,
    _open_ring: 0.14,
    _close_ring: 0.14,
}
