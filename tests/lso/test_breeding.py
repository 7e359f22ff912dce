"""Children of strings: always sentences, made of their parents."""

from __future__ import annotations

import numpy as np
import pytest

from lso.breeding import Breeder
from pipelines.grammar.parser import Refused
from pipelines.sequences.languages import language

EXPRESSIONS = ["x + 1", "sin( x * x ) + 2", "exp( x ) / 3", "( x + 1 ) * x"]
MOLECULES = ["CCO", "c1ccccc1", "CC(=O)N", "CCCl"]


def children(name: str, parents: list[str], count: int = 300, seed: int = 0) -> list[str]:
    return Breeder(language(name)).children(parents, count, np.random.default_rng(seed))


def test_every_child_of_expressions_is_an_expression_that_fits():
    grammar = language("expression_grammar")
    found = children("expression_grammar", EXPRESSIONS)
    assert len(found) > 250
    for child in found:
        try:
            grammar.encode(child)
        except Refused as error:
            pytest.fail(str(error))


def test_children_are_many_and_few_are_their_parents():
    found = set(children("expression_grammar", EXPRESSIONS))
    assert len(found - set(EXPRESSIONS)) > 50


def test_a_single_parent_without_a_choice_crosses_into_itself():
    assert set(children("expression_grammar", ["x"], 20)) > {"x"}


def test_tokens_of_children_are_those_of_their_parents():
    selfies = language("smiles_selfies")
    known = {token for text in MOLECULES for token in selfies.parse(text)}
    found = Breeder(selfies)
    random = np.random.default_rng(0)
    sequences = [selfies.parse(text) for text in MOLECULES]
    for _ in range(100):
        one, other = random.integers(len(sequences), size=2)
        child = found._mutate(sequences[one], sequences[other], random)
        assert child is None or set(child) <= known


def test_molecules_have_children():
    assert len(set(children("smiles_selfies", MOLECULES))) > 50


def test_the_generator_decides():
    assert children("smiles_selfies", MOLECULES, 50) == children("smiles_selfies", MOLECULES, 50)
    assert children("smiles_selfies", MOLECULES, 50) != children("smiles_selfies", MOLECULES, 50, seed=1)


def test_parents_that_cannot_be_read_are_left_out():
    assert children("expression_grammar", ["nothing"]) == []
