"""The molecule task: what may be scored, what is equal, and objectives of known molecules."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import QED

from lso.tasks import molecule_objectives as objectives
from lso.tasks.molecule import RANDOM_START, Molecule
from methods.core.errors import BadInput


def test_the_same_molecule_has_one_key_with_or_without_stereochemistry():
    task = Molecule()
    assert len({task.canonical(text) for text in ("C[C@H](N)O", "C[C@@H](N)O", "OC(N)C")}) == 1


def test_what_is_too_large_in_parts_or_no_molecule_means_nothing():
    task = Molecule(size=5)
    assert task.readable("CCCCC") == "CCCCC"
    assert [task.readable(text) for text in ("CCCCCC", "C.C", "C1CC", "", "F=F=F")] == [None] * 5


def test_descriptors_are_counts_that_grow_with_the_molecule():
    short, long = Molecule().descriptor(["C" * 10, "C" * 20])
    assert long.sum() > short.sum()
    assert (long >= short).all()


def test_a_molecule_without_rings_is_flagged():
    assert Molecule().properties("C" * 20)["rings"] == "0 (!)"
    assert Molecule().properties("c1ccccc1")["rings"] == 1


def test_the_alkane_line_is_that_of_the_limit():
    (line,) = Molecule(size=38).published(RANDOM_START)
    assert line.score == pytest.approx(11.19, abs=0.01)


def test_without_a_limit_molecules_are_shown_beside_the_alkanes_of_their_sizes():
    task = Molecule(size=None)
    large, alkane = "C" * 60 + "c1ccccc1", "C" * 66
    assert task.readable(large) == large
    assert task.published(RANDOM_START) == ()
    assert task.properties(large)["alkane of this size"] == task.score([alkane])[0]


def test_an_alkane_loses_where_a_drug_is_asked_for():
    task = Molecule(objective="penalized_logp_qed")
    alkane, drug = task.score(["C" * 38, "CC(C)Cc1ccc(cc1)C(C)C"])
    assert alkane < 0 < drug


@pytest.mark.parametrize(("objective", "worst"), [("qed", 0), ("penalized_logp", -100)])
def test_what_cannot_be_scored_is_bad_and_ends_nothing(objective: str, worst: float):
    bad, good = Molecule(objective=objective).score(["no molecule", "CCO"])
    assert bad == worst
    assert good > worst


def test_the_random_start_is_labeled_right():
    task = Molecule(objective="qed")
    start = task.start("random_50", 1)
    assert len(set(start.strings)) == 50
    assert start.scores[:20] == pytest.approx([QED.qed(Chem.MolFromSmiles(text)) for text in start.strings[:20]])
    assert start.strings[:5] != task.start("random_50", 2).strings[:5]


def test_a_start_that_does_not_exist_is_refused():
    with pytest.raises(BadInput, match="unknown start 'random_many'"):
        Molecule().start("random_many", 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": "qde"}, "did you mean 'qed'"),
        ({"data": "zinq"}, "did you mean 'zinc'"),
        ({"normalization": "gcpm"}, "did you mean 'gcpn'"),
        ({"size": 0}, "at least 1 heavy atom"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, message: str):
    with pytest.raises(BadInput, match=message):
        Molecule(**settings)


@pytest.mark.parametrize(
    ("objective", "smiles"),
    [
        ("osimertinib", objectives._OSIMERTINIB),
        ("ranolazine", objectives._RANOLAZINE),
        ("perindopril", objectives._PERINDOPRIL),
        ("zaleplon", objectives._ZALEPLON),
        ("median2", objectives._SILDENAFIL),
    ],
)
def test_a_drug_is_better_by_its_own_objective_than_an_alkane_and_not_perfect(objective: str, smiles: str):
    drug, alkane = Molecule(objective=objective, size=50).score([smiles, "C" * 30])
    assert alkane < drug
    assert drug < 1


def test_perindopril_without_aromatic_rings_scores_by_hand():
    """Similarity 1, and no ring where two are wanted: exp(-(2 / 0.5)^2 / 2), under the square root."""
    score = Molecule(objective="perindopril").score([objectives._PERINDOPRIL])[0]
    assert score == pytest.approx(np.sqrt(np.exp(-8)))


def test_the_right_formula_is_a_perfect_isomer():
    zaleplon_like = "CCC(=O)Nc1cccc(c1)C(=O)c1ccc(C#N)nc1"
    found = objectives._elements(Chem.MolFromSmiles(zaleplon_like))
    distance = sum((found[name] - count) ** 2 for name, count in objectives._FORMULA.items())
    total = (sum(found.values()) - 41) / 2
    expected = np.exp(-0.5 * (distance + total**2) / 5)
    assert objectives.isomer(Chem.MolFromSmiles(zaleplon_like)) == pytest.approx(expected)
