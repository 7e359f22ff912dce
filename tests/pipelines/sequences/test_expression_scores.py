from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pipelines.grammar import definitions
from pipelines.grammar.parser import Parser
from pipelines.sequences.expression_scores import WORST, score


@pytest.fixture(scope="module")
def parser() -> Parser:
    return Parser(definitions.expressions())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 / 3 + x + sin( x * x )", 0.0),
        ("1 / 2 + x + sin( x * x )", math.log1p(1 / 36)),
        ("x * 1 + sin( 3 ) + sin( x * x )", math.log1p((1 / 3 - math.sin(3)) ** 2)),
        ("exp( exp( x ) ) / exp( exp( x ) )", WORST),
    ],
)
def test_scores_are_those_computed_by_hand(parser: Parser, text: str, value: float) -> None:
    assert math.isclose(score(parser.parse(text)), value, rel_tol=1e-12, abs_tol=1e-15)


def test_errors_are_limited_at_every_point_before_the_mean(parser: Parser) -> None:
    """exp(exp(x)) is far off where x > 2, 40 % of the points, and is close to 1 for most of the others."""
    assert 0.35 * 1000 < math.expm1(score(parser.parse("exp( exp( x ) )"))) < 0.5 * 1000


def test_scores_agree_with_the_published_where_no_error_reaches_the_limit(
    parser: Parser, expression_lines: list[str], expression_scores: Path
) -> None:
    """The published ones are min(7, log(1 + mean)), so both are the same while all errors are below 1000."""
    published = np.load(expression_scores, allow_pickle=False)["arr_0"]
    rows = np.flatnonzero(published < 0.7)
    found = [score(parser.parse(expression_lines[row])) for row in rows]
    np.testing.assert_allclose(found, published[rows], rtol=0, atol=1e-12)
