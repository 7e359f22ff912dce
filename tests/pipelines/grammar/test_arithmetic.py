from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.grammar import definitions
from pipelines.grammar.arithmetic import evaluate, evaluate_all
from pipelines.grammar.parser import Parser

X = np.linspace(-10, 10, 1000)


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser(definitions.expressions())


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x", X),
        ("3", np.full(1000, 3.0)),
        ("1 / 3 + x + sin( x * x )", 1 / 3 + X + np.sin(X * X)),
        ("x + 1 * 2", X + 2),
        ("1 + x * 2 + 3", 2 * X + 4),
        ("x / 2 / 2", X / 4),
        ("x * 2 / 3 * x", X * 2 / 3 * X),
        ("( x + 1 ) * 2", 2 * X + 2),
        ("2 + ( x ) / exp( x + 1 )", 2 + X / np.exp(X + 1)),
        ("exp( exp( 1 ) )", np.full(1000, np.exp(np.e))),
    ],
)
def test_values_are_those_of_the_formula(parser: Parser, text: str, values: np.ndarray) -> None:
    np.testing.assert_allclose(evaluate(parser.parse(text), X), values, rtol=1e-15)


def test_overflow_is_infinite_and_an_undefined_value_is_nan(parser: Parser) -> None:
    assert evaluate(parser.parse("exp( exp( x ) )"), X)[-1] == np.inf
    assert np.isnan(evaluate(parser.parse("exp( exp( x ) ) / exp( exp( x ) )"), X)[-1])


def test_many_are_evaluated_as_one_is(parser: Parser) -> None:
    rules = [parser.parse(text) for text in ("x + 1", "x * 2")]
    rows = torch.tensor([list(row.ljust(15, b"\x0b")) for row in rules], dtype=torch.uint8)
    np.testing.assert_array_equal(evaluate_all(rows, X), [X + 1, X * 2])


def test_scores_agree_with_those_that_another_project_published(
    parser: Parser, expression_lines: list[str], expression_scores: Path
) -> None:
    """min(7, log(1 + mean squared error)) against 1/3 + x + sin(x * x), a NaN being the worst."""
    published = np.load(expression_scores, allow_pickle=False)["arr_0"][::20]
    target = 1 / 3 + X + np.sin(X * X)
    with np.errstate(all="ignore"):
        errors = [np.mean((evaluate(parser.parse(line), X) - target) ** 2) for line in expression_lines[::20]]
    scores = np.fmin(7, np.log1p(errors))
    np.testing.assert_allclose(scores, published, rtol=0, atol=1e-12)
