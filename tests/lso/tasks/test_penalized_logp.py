"""Penalized log P against networkx, RDKit's parts and published values."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdmolops

from lso.tasks.penalized_logp import NORMALIZATIONS, largest_cycle, measured, penalized_logp, raw, synthesis
from pipelines.datasets import nci

TERMS = NORMALIZATIONS["gcpn"]


def by_networkx(molecule: Chem.Mol) -> int:
    """What networkx before 3.2 did: its cycle basis from node 0, the lowest of a molecule in one piece."""
    graph = networkx.Graph(rdmolops.GetAdjacencyMatrix(molecule))
    return max(map(len, networkx.cycle_basis(graph, root=0)), default=0)


def test_the_largest_cycle_is_networkx_s_from_the_first_atom():
    molecules = [Chem.MolFromSmiles(text) for text in nci.lines()[:600]]
    whole = [molecule for molecule in molecules if molecule and len(rdmolops.GetMolFrags(molecule)) == 1]
    assert [largest_cycle(molecule) for molecule in whole] == [by_networkx(molecule) for molecule in whole]


@pytest.mark.parametrize(("smiles", "size"), [("CCC", 0), ("C1CC1", 3), ("c1ccccc1", 6), ("C1CCCCCCCCC1", 10)])
def test_cycles_of_known_size(smiles: str, size: int):
    assert largest_cycle(Chem.MolFromSmiles(smiles)) == size


@pytest.mark.parametrize(("carbons", "score"), [(38, 11.2), (69, 18.8), (100, 26.1)])
def test_a_chain_of_carbons_scores_what_its_length_promises(carbons: int, score: float):
    assert penalized_logp(Chem.MolFromSmiles("C" * carbons), TERMS) == pytest.approx(score, abs=0.05)


def test_an_atom_more_than_six_in_a_ring_costs_three_and_a_half():
    _, _, (_, deviation) = TERMS
    assert raw(Chem.MolFromSmiles("C1CCCCCC1"))[2] - raw(Chem.MolFromSmiles("C1CCCCC1"))[2] == -1
    assert 1 / deviation == pytest.approx(3.50, abs=0.005)


def test_synthesis_is_easy_for_aspirin_and_hard_for_a_cage():
    aspirin, cubane = "CC(=O)Oc1ccccc1C(=O)O", "C12C3C4C1C5C2C3C45"
    assert synthesis(Chem.MolFromSmiles(aspirin)) == pytest.approx(1.58, abs=0.01)
    assert synthesis(Chem.MolFromSmiles(cubane)) > 2 * 1.58


def test_measured_terms_make_their_own_molecules_standard():
    molecules = [Chem.MolFromSmiles(text) for text in nci.lines()[:150]]
    molecules = [molecule for molecule in molecules if molecule is not None] + [Chem.MolFromSmiles("C1CCCCCCCC1")]
    terms = measured(molecules)
    values = np.array([raw(molecule) for molecule in molecules])
    standard = (values - [mean for mean, _ in terms]) / [deviation for _, deviation in terms]
    assert standard.mean(0) == pytest.approx([0, 0, 0], abs=1e-9)
    assert standard.std(0) == pytest.approx([1, 1, 1], abs=1e-9)
