from __future__ import annotations

import pytest
from nltk import CFG

from methods.core.errors import BadInput
from pipelines.grammar import definitions
from pipelines.grammar.cfg import IMPOSSIBLE, read, tables


def test_the_grammars_have_the_published_numbers_of_rules_and_nonterminals() -> None:
    assert len(definitions.expressions().rules) == 12
    assert len(definitions.smiles().rules) == 76
    assert definitions.expressions().nonterminals == ("S", "T", "Nothing")
    assert len(set(definitions.smiles().nonterminals) - {"class"}) == 23


def test_rules_stand_under_the_numbers_of_the_original() -> None:
    """29 and 31 are the two whose masks the authors set to zero."""
    grammar = definitions.smiles()
    assert grammar.written(0) == "smiles -> chain"
    assert grammar.written(74) == "chain -> chain bond branched_atom"
    assert grammar.written(75) == "Nothing -> None"
    assert [grammar.written(number) for number in grammar.dead] == ["BACH -> charge class", "BACH -> class"]
    assert grammar.dead == (29, 31)


@pytest.mark.parametrize("name", ["expressions", "smiles"])
def test_masks_agree_with_the_grammar_of_nltk(name: str) -> None:
    grammar = getattr(definitions, name)()
    text = "\n".join(grammar.written(number) for number in range(len(grammar.rules) - 1))
    productions = CFG.fromstring(text.replace("\\\\", "\\")).productions()
    cost = tables(grammar).cost
    for number, production in enumerate(productions):
        usable = [grammar.nonterminals[lhs] for lhs in range(len(cost)) if cost[lhs, number] < IMPOSSIBLE]
        assert usable == ([] if number in grammar.dead else [str(production.lhs())])


def test_the_shortest_derivations_are_those_counted_by_hand() -> None:
    """S, T, x; smiles, chain, branched_atom, atom, aliphatic_organic, C: as many rules as arrows between them."""
    assert definitions.expressions().shortest[0] == 2
    assert definitions.smiles().shortest[0] == 5


def test_a_rule_that_cannot_be_reached_is_named() -> None:
    grammar = read("S -> 'a' S | 'b'\nT -> 'c'")
    assert [grammar.written(number) for number in grammar.dead] == ["T -> 'c'"]


def test_a_rule_reached_only_through_one_that_never_ends_is_dead_too() -> None:
    grammar = read("S -> 'a' | T U\nT -> 'b'\nU -> U 'c'")
    assert [grammar.written(number) for number in grammar.dead] == ["S -> T U", "T -> 'b'", "U -> U 'c'"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("S -> 'a' S", "nothing can be derived from S"),
        ("S -> 'a' ->", "cannot read the grammar"),
        ("Nothing -> None", "the grammar has no rules"),
        ("S -> 'a' |", "empty right-hand side"),
    ],
)
def test_what_is_no_grammar_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read(text)
