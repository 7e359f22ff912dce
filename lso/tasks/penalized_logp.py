"""Penalized log P: lipophilicity, less what makes a molecule hard to make, less large rings. Each term normalized.

Source: Kusner et al. 2017, section 4.2, after Gomez-Bombarelli et al. 2018. The score is higher the longer a chain of
carbon is (11.2 with 38 atoms, 126 with 500), so numbers without a limit of the size mean nothing.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Molecule = Any
"""RDKit's. It is imported where it is used, since the rest of the package works without."""

_FRAGMENTS = "10dcef9340c873e7b987924461b0af5365eb8dd96be607203debe8ddf80c1e73"  # SHA-256 of fpscores.pkl.gz


class Terms(NamedTuple):
    """Means and standard deviations of the three terms over a set of molecules."""

    logp: tuple[float, float]
    synthesis: tuple[float, float]
    ring: tuple[float, float]


NORMALIZATIONS = {
    "gcpn": Terms(
        (2.4570953396190123, 1.434324401111988),
        (-3.0525811293166134, 0.8335207024513095),
        (-0.0485696876403053, 0.2860212110245455),
    ),
    "tripp": Terms(
        (2.45777691, 1.43341767),
        (-3.05352042, 0.83460587),
        (-0.04861121, 0.28746695),
    ),
}
"""Of ZINC250k, as two groups of publications have them: GCPN and those after it; Tripp et al. 2020, LOL-BO and CoBO."""


def penalized_logp(molecule: Molecule, terms: Terms) -> float:
    """The sum of the normalized terms."""
    found = zip(raw(molecule), terms, strict=True)
    return sum((value - mean) / deviation for value, (mean, deviation) in found)


def raw(molecule: Molecule) -> tuple[float, float, float]:
    """log P, minus the synthetic accessibility score, and minus the atoms that the largest ring has beyond six."""
    from rdkit.Chem import Crippen

    return Crippen.MolLogP(molecule), -synthesis(molecule), -float(max(0, largest_cycle(molecule) - 6))


def measured(molecules: Sequence[Molecule]) -> Terms:
    """The terms' means and standard deviations (of the population, as the original has them)."""
    values = np.array([raw(molecule) for molecule in molecules])
    pairs = [(float(column.mean()), float(column.std()) or 1.0) for column in values.T]
    return Terms(*pairs)


def synthesis(molecule: Molecule) -> float:
    """The synthetic accessibility score of Ertl and Schuffenhauer 2009, from 1, easy, to 10."""
    return float(_scorer().calculateScore(molecule))


def largest_cycle(molecule: Molecule) -> int:
    """Size of the largest cycle in a cycle basis of the graph; 0 without any.

    Paton's algorithm from the atom with the lowest number, neighbors in ascending order: what networkx before 3.2 did.
    Its cycles are not the smallest rings. Frozen here, since a change of the library's root changed published scores.

    Source: Paton 1969, Algorithm 447 of the CACM.
    """
    neighbors = {atom.GetIdx(): sorted(n.GetIdx() for n in atom.GetNeighbors()) for atom in molecule.GetAtoms()}
    left, largest = set(neighbors), 0
    while left:
        root = min(left)
        stack, parent, used = [root], {root: root}, {root: set[int]()}
        while stack:
            node = stack.pop()
            seen = used[node]
            for neighbor in neighbors[node]:
                if neighbor not in used:
                    parent[neighbor], used[neighbor] = node, {node}
                    stack.append(neighbor)
                elif neighbor not in seen:
                    largest = max(largest, _length(node, used[neighbor], parent))
                    used[neighbor].add(node)
        left -= set(parent)
    return largest


def _length(node: int, ends: set[int], parent: dict[int, int]) -> int:
    """Atoms in the cycle that a new edge from `node` closes."""
    length, place = 2, parent[node]
    while place not in ends:
        length, place = length + 1, parent[place]
    return length + 1


@functools.cache
def _scorer() -> Any:
    """RDKit's own implementation, after its table of fragments was found to be the one that everybody has."""
    from rdkit import RDConfig

    folder = os.path.join(RDConfig.RDContribDir, "SA_Score")
    try:
        with open(os.path.join(folder, "fpscores.pkl.gz"), "rb") as file:
            found = hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise _bad("RDKit's folder Contrib/SA_Score is missing: install RDKit with pip install rdkit") from error
    if found != _FRAGMENTS:
        raise _bad(f"RDKit's fpscores.pkl.gz has the hash {found[:12]}: its scores would not compare with others")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("sascorer")


def _bad(message: str) -> Exception:
    """A `BadInput`, imported only then: the process that scores molecules starts sooner without torch."""
    from methods.core.errors import BadInput

    return BadInput(message)
