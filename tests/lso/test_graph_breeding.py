"""Children of molecules by their graphs: always molecules, made of their parents, and as Jensen 2019 limits them."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from lso.graph_breeding import GraphBreeder, _graph
from lso.graph_crossover import cross
from lso.graph_mutation import _KINDS

PARENTS = [
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "COc1ccccc1OCC(O)CN1CCNCC1",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "O=C(O)c1cc[nH]c1C[N+](C)(C)C",
    "CCCCCCCC",
]


def children(parents: list[str], count: int = 400, seed: int = 0) -> list[str]:
    return GraphBreeder().children(parents, count, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def found() -> list[str]:
    return children(PARENTS)


def test_children_are_molecules_in_one_piece(found):
    molecules = [Chem.MolFromSmiles(child) for child in found]
    assert len(found) > 200
    assert all(molecule is not None for molecule in molecules)
    assert not any("." in child for child in found)


def test_children_have_no_ring_of_more_than_six_atoms_and_no_allene_in_one(found):
    for molecule in map(Chem.MolFromSmiles, found):
        assert max((len(ring) for ring in molecule.GetRingInfo().AtomRings()), default=0) <= 6
        assert not molecule.HasSubstructMatch(Chem.MolFromSmarts("[R]=[R]=[R]"))


def test_most_children_are_new(found):
    parents = {Chem.CanonSmiles(parent) for parent in PARENTS}
    own = {Chem.CanonSmiles(child) for child in found}
    assert len(own - parents) > 150


def test_the_generator_decides():
    assert children(PARENTS, 50) == children(PARENTS, 50)
    assert children(PARENTS, 50) != children(PARENTS, 50, seed=1)


def test_parents_stay_as_they_are():
    before = [Chem.MolToSmiles(_graph(parent)) for parent in PARENTS]
    children(PARENTS, 100, seed=2)
    assert [Chem.MolToSmiles(_graph(parent)) for parent in PARENTS] == before


def test_what_is_no_molecule_has_no_children():
    assert children(["nothing"]) == []


@pytest.mark.parametrize(
    ("kind", "parent", "expected"),
    [
        ("_append", "C", {"CC", "CN", "CO", "CF", "CS", "CCl", "CBr", "C=C", "C=N", "C=O", "C#C", "C#N"}),
        ("_insert", "CC", {"CCC", "CNC", "COC", "CSC", "C=CC", "C=NC", "C#CC"}),
        ("_delete", "CCO", {"CO", "CC"}),
        ("_change_atom", "C", {"N", "O", "F", "S", "Cl", "Br"}),
        ("_change_bond", "CC", {"C=C", "C#C"}),
        ("_open_ring", "C1CC1", {"CCC"}),
        ("_close_ring", "CCC", {"C1CC1"}),
    ],
)
def test_a_mutation_makes_what_can_be_counted_by_hand(kind: str, parent: str, expected: set[str]):
    """All results, and no others, in 400 draws: the rarest has a probability above 0.02, so one is missed in 3,000."""
    change = next(own for own in _KINDS if own.__name__ == kind)
    random, found = np.random.default_rng(0), set()
    for _ in range(400):
        graph = Chem.RWMol(_graph(parent))
        if change(graph, random) and not Chem.SanitizeMol(graph, catchErrors=True):
            found.add(Chem.MolToSmiles(graph))
    assert found == {Chem.CanonSmiles(text) for text in expected}


def test_a_graph_in_which_nothing_can_be_opened_stays_as_it_is():
    change = next(own for own in _KINDS if own.__name__ == "_open_ring")
    assert not change(Chem.RWMol(_graph("CCO")), np.random.default_rng(0))


def test_kinds_of_mutation_are_all_probabilities():
    assert sum(_KINDS.values()) == pytest.approx(1)
    assert len(_KINDS) == 7


def test_a_child_of_chains_has_a_piece_of_each():
    """C-C-C-C with F-F' ends: a piece of butane of 1 to 3 atoms, and one of F-N-N-F of 1 to 3."""
    one, other, random = _graph("CCCC"), _graph("FNNF"), np.random.default_rng(0)
    found = set()
    for _ in range(300):
        child = cross(one, other, random)
        if child is not None and not Chem.SanitizeMol(child, catchErrors=True):
            found.add(Chem.MolToSmiles(child))
    pieces = [("C" * carbon, tail) for carbon in (1, 2, 3) for tail in ("F", "NF", "NNF")]
    assert found == {Chem.CanonSmiles(head + tail) for head, tail in pieces}


def test_rings_are_crossed_into_rings():
    random, one, other = np.random.default_rng(0), _graph("C1CCCCC1"), _graph("N1NNNNN1")
    made = [cross(one, other, random) for _ in range(200)]
    sound = [child for child in made if child is not None and not Chem.SanitizeMol(child, catchErrors=True)]
    found = {Chem.MolToSmiles(child) for child in sound}
    rings = [rdMolDescriptors.CalcNumRings(Chem.MolFromSmiles(text)) for text in found]
    assert len(found) >= 4
    assert set(rings) == {1}
