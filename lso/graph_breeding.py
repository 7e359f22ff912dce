"""Children of molecules, by their graphs: what a genetic algorithm does where strings are SMILES.

Source: Jensen 2019, Chemical Science 10, 3567.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from lso import ranks
from lso.graph_crossover import cross
from lso.graph_mutation import Graph, mutate

_MUTATED = 0.5  # share of children that are mutated
_TRIES = 3  # for a child, with the same parents
_LARGEST = 6  # atoms in a ring of a child

_BAD_RINGS = ("[R]=[R]=[R]", "[r3,r4]=[r3,r4]")  # allenes in rings, and double bonds in small ones


class GraphBreeder:
    """Crosses and mutates molecules."""

    def children(self, parents: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
        """At most `count` SMILES of children of parents, the first of which are the fittest."""
        graphs = [found for found in map(_graph, parents) if found is not None]
        if not graphs:
            return []
        pairs = ranks.draw(len(graphs), (count, 2), random)
        made = (self._child(graphs[one], graphs[other], random) for one, other in pairs)
        return [child for child in made if child is not None]

    def _child(self, one: Graph, other: Graph, random: np.random.Generator) -> str | None:
        """Of two parents, or of one where both are the same."""
        from rdkit import Chem

        for _ in range(_TRIES):
            child = Chem.RWMol(one) if one is other else cross(one, other, random)
            if child is None or not _sound(child):
                continue
            if (one is other or random.random() < _MUTATED) and not (mutate(child, random) and _sound(child)):
                continue
            return str(Chem.MolToSmiles(child))
        return None


def _sound(graph: Graph) -> bool:
    """Are all valences and rings as they should be? The graph then has single, double and triple bonds alone."""
    from rdkit import Chem

    if Chem.SanitizeMol(graph, catchErrors=True) or len(Chem.GetMolFrags(graph)) != 1:
        return False
    if any(len(ring) > _LARGEST for ring in graph.GetRingInfo().AtomRings()):
        return False
    if any(graph.HasSubstructMatch(pattern) for pattern in _patterns()):
        return False
    Chem.Kekulize(graph, clearAromaticFlags=True)
    return True


@functools.lru_cache(maxsize=1 << 12)
def _graph(smiles: str) -> Graph | None:
    """With hydrogens that follow from the bonds, except on charged atoms."""
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        return None
    graph = Chem.RWMol(molecule)
    Chem.Kekulize(graph, clearAromaticFlags=True)
    for atom in graph.GetAtoms():
        if not atom.GetFormalCharge():
            atom.SetNumExplicitHs(0)
            atom.SetNoImplicit(False)
    graph.UpdatePropertyCache(strict=False)
    return graph


@functools.cache
def _patterns() -> list[Graph]:
    from rdkit import Chem

    return [Chem.MolFromSmarts(text) for text in _BAD_RINGS]
