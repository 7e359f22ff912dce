from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.grammar import definitions
from pipelines.grammar.cfg import Grammar, Tables, read, tables
from pipelines.grammar.decoding import allowed, greedy, sample
from pipelines.grammar.derivation import Writer
from pipelines.grammar.parser import Parser

GRAMMARS = [(definitions.expressions, 15), (definitions.smiles, 60)]
BALANCED = "S -> '(' S ')' S | 'x'"
FALSE_ALARM = 1e-6


def in_plain_python(logits: Tensor, grammar: Grammar) -> list[int]:
    """One row, a step at a time, with the definition in place of tables."""
    stack, found, length = [0], [], len(logits)
    for step in range(length):
        top = stack.pop() if stack else len(grammar.nonterminals) - 1
        fitting = []
        for number, rule in enumerate(grammar.rules):
            ahead = [*stack, *rule.nonterminals]
            if rule.lhs == top and number not in grammar.dead:
                needed = sum(grammar.shortest[symbol] for symbol in ahead)
                fitting += [number] if step + 1 + needed <= length else []
        best = max(fitting, key=lambda number: logits[step, number].item())
        stack.extend(reversed(grammar.rules[best].nonterminals))
        found.append(best)
    return found


@pytest.mark.parametrize(("make", "length"), GRAMMARS)
def test_the_stack_of_a_batch_does_what_one_in_plain_python_does(make: object, length: int) -> None:
    grammar = make()
    logits = torch.randn(20, length, len(grammar.rules))
    assert greedy(logits, tables(grammar)).tolist() == [in_plain_python(row, grammar) for row in logits]


@pytest.mark.parametrize(("make", "length"), GRAMMARS)
@pytest.mark.parametrize("decode", [greedy, sample])
def test_whatever_the_logits_the_string_parses_into_the_same_rules(make: object, length: int, decode: object) -> None:
    grammar = make()
    parser, writer = Parser(grammar), Writer(grammar)
    found = decode(5 * torch.randn(300, length, len(grammar.rules)), tables(grammar))
    for row, text in zip(found, writer.write_all(found), strict=True):
        assert parser.parse(text) == bytes(row[row != grammar.padding].tolist())


def test_logits_that_want_to_grow_for_ever_are_stopped_in_time() -> None:
    grammar = definitions.expressions()
    for length in range(2, 16):
        logits = torch.zeros(1, length, 12)
        logits[..., [0, 5]] = 100.0  # S -> S '+' T and T -> 'sin(' S ')'
        (text,) = Writer(grammar).write_all(greedy(logits, tables(grammar)))
        assert Parser(grammar).parse(text)


def test_logits_of_minus_infinity_leave_a_derivation_that_finishes() -> None:
    grammar = definitions.expressions()
    (text,) = Writer(grammar).write_all(greedy(torch.full((1, 15, 12), -torch.inf), tables(grammar)))
    assert text


def test_a_length_that_no_sentence_fits_into_is_refused() -> None:
    with pytest.raises(BadInput, match="shortest sentence needs 5 rules"):
        greedy(torch.zeros(1, 4, 76), tables(definitions.smiles()))


def test_a_row_does_not_depend_on_the_others() -> None:
    grammar = definitions.smiles()
    logits = torch.randn(6, 80, 76)
    alone = [greedy(row.unsqueeze(0), tables(grammar)) for row in logits]
    assert torch.equal(greedy(logits, tables(grammar)), torch.cat(alone))


def sentences(grammar: Grammar, length: int) -> list[tuple[int, ...]]:
    """All padded rule sequences, by trying every one."""
    writer, parser, found = Writer(grammar), Parser(grammar), []
    for row in itertools.product(range(len(grammar.rules)), repeat=length):
        own = bytes(rule for rule in row if rule != grammar.padding)
        text = writer.write(own)
        if text and parser.parse(text) == own and row == (*own, *[grammar.padding] * (length - len(own))):
            found.append(row)
    return found


def log_prob(rows: Tensor, logits: Tensor, own: Tables) -> Tensor:
    masked = logits.masked_fill(~allowed(rows, own), -torch.inf).log_softmax(-1)
    return masked.gather(2, rows.unsqueeze(2)).sum((1, 2))


def test_probabilities_of_all_sentences_that_fit_sum_to_one() -> None:
    grammar = read(BALANCED)
    rows = torch.tensor(sentences(grammar, 7))
    assert len(rows) == 1 + 1 + 2 + 5  # Catalan numbers: sentences with 0 to 3 pairs of brackets
    logits = torch.randn(1, 7, 3, dtype=torch.double).expand(len(rows), -1, -1)
    assert math.isclose(log_prob(rows, logits, tables(grammar)).exp().sum().item(), 1, rel_tol=1e-12)


def test_samples_have_the_probabilities_of_the_masked_softmax() -> None:
    grammar, own, draws = read(BALANCED), tables(read(BALANCED)), 20_000
    rows = torch.tensor(sentences(grammar, 7))
    logits = torch.randn(1, 7, 3)
    expected = log_prob(rows, logits.double().expand(len(rows), -1, -1), own).exp() * draws
    counts = Counter(map(tuple, sample(logits.expand(draws, -1, -1), own).tolist()))
    observed = [counts[tuple(row)] for row in rows.tolist()]
    assert sum(observed) == draws
    assert chisquare(observed, expected.numpy()).pvalue > FALSE_ALARM


def test_the_same_generator_draws_the_same_sequences() -> None:
    own, logits = tables(definitions.expressions()), torch.randn(50, 15, 12)
    first, second = (sample(logits, own, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
