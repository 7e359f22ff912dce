from __future__ import annotations

import pytest
from nltk import CFG, ChartParser

from methods.core.errors import BadInput
from pipelines.grammar import definitions
from pipelines.grammar.cfg import Grammar, read
from pipelines.grammar.derivation import Writer
from pipelines.grammar.parser import Parser, Refused


@pytest.fixture(scope="module")
def expressions() -> Parser:
    return Parser(definitions.expressions())


@pytest.fixture(scope="module")
def smiles() -> Parser:
    return Parser(definitions.smiles())


def by_chart(grammar: Grammar, terminals: list[str]) -> list[int]:
    """The rules that nltk's chart parser finds, in pre-order."""
    written = [grammar.written(number).replace("\\\\", "\\") for number in range(len(grammar.rules) - 1)]
    cfg = CFG.fromstring("\n".join(written))
    trees = list(ChartParser(cfg).parse(terminals))
    assert len(trees) == 1  # the grammars are unambiguous
    productions = cfg.productions()
    return [productions.index(production) for production in trees[0].productions()]


def test_expressions_have_the_rules_that_a_chart_parser_finds(expressions: Parser, expression_lines: list[str]) -> None:
    for line in expression_lines[::2500]:
        assert list(expressions.parse(line)) == by_chart(expressions.grammar, line.split())


def test_molecules_have_the_rules_that_a_chart_parser_finds(smiles: Parser, molecule_lines: list[str]) -> None:
    by_length = sorted(molecule_lines, key=len)
    special = [next(line for line in by_length if token in line) for token in ("@@", "Br", "Cl", "/", "\\", "[n", "#")]
    for line in [*special, by_length[len(by_length) // 2]]:
        terminals = line.replace("@@", " @@ ").replace("Cl", " Cl ").replace("Br", " Br ").split(" ")
        split = [part if part in ("@@", "Cl", "Br") else list(part) for part in terminals]
        flat = [terminal for part in split for terminal in ([part] if isinstance(part, str) else part)]
        assert list(smiles.parse(line)) == by_chart(smiles.grammar, flat)


def test_every_expression_comes_back_from_its_rules(expressions: Parser, expression_lines: list[str]) -> None:
    writer = Writer(expressions.grammar)
    assert [writer.write(expressions.parse(line)) for line in expression_lines] == expression_lines


def test_molecules_come_back_from_their_rules(smiles: Parser, molecule_lines: list[str]) -> None:
    writer = Writer(smiles.grammar)
    assert [writer.write(smiles.parse(line)) for line in molecule_lines] == molecule_lines


def test_a_bond_before_a_digit_closes_a_ring_and_one_before_an_atom_goes_on(smiles: Parser) -> None:
    names = [smiles.grammar.written(rule) for rule in smiles.parse("C=1CCCCC=1C=C")]
    assert names.count("ringbond -> bond DIGIT") == 2
    assert names.count("chain -> chain bond branched_atom") == 1


def test_spaces_between_terminals_do_not_matter(expressions: Parser) -> None:
    assert expressions.parse("x+sin(x*x)") == expressions.parse("x + sin( x * x )")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("x +", "not in the grammar"),
        ("x x", "not in the grammar"),
        ("( x", "not in the grammar"),
        ("x + y", "unknown token"),
        ("x - x", "unknown token"),
        ("sin x", "unknown token"),
    ],
)
def test_what_is_no_expression_is_refused_with_a_reason_that_can_be_counted(
    expressions: Parser, text: str, reason: str
) -> None:
    with pytest.raises(Refused) as refused:
        expressions.parse(text)
    assert refused.value.reason == reason


@pytest.mark.parametrize("text", ["C(", "C1CC%10", "CC)", "C[", "[C@@@H]", "C C", "c1ccccc9", "[Se]", "C=", "Éc"])
def test_what_is_no_molecule_of_the_grammar_is_refused(smiles: Parser, text: str) -> None:
    with pytest.raises(Refused):
        smiles.parse(text)


def test_an_ambiguous_grammar_is_refused_with_a_rule() -> None:
    with pytest.raises(BadInput, match="ambiguous: see the rule S ->"):
        Parser(read("S -> S '+' S | 'x'"))
