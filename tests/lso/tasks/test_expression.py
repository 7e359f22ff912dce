"""The expression task against Python's own arithmetic and what was published of its data."""

from __future__ import annotations

import numpy as np
import pytest

from lso.tasks.expression import POINTS, TARGET, Expression
from methods.core.errors import BadInput


def by_python(text: str) -> np.ndarray:
    """The values by Python's own parser."""
    names = {"x": POINTS, "sin": np.sin, "exp": np.exp, "__builtins__": {}}
    with np.errstate(all="ignore"):
        return np.broadcast_to(eval(text, names), POINTS.shape)  # noqa: S307 - of this file's strings alone


def squared_errors(text: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        return (by_python(text) - by_python(TARGET)) ** 2


STRINGS = [
    "1 / 2 + ( x ) + sin( x * x )",
    "x / 1 + sin( 3 ) + sin( x * x )",
    "x + 1 / exp( 1 )",
    "exp( exp( x ) ) * 2",
    "1 / ( 1 / 3 ) * x",
    "3",
]


def test_the_target_scores_nothing_however_it_is_written():
    assert Expression().score([TARGET, "1 / 3 + ( x ) + sin( x * x )", "x + 1 / 3 + sin( x * x )"]) == pytest.approx(
        [0, 0, 0], abs=1e-12
    )


@pytest.mark.parametrize("text", STRINGS)
def test_the_score_of_the_original_clips_every_point(text: str):
    errors = squared_errors(text)
    assert Expression().score([text])[0] == pytest.approx(np.log1p(np.minimum(errors, 1000).mean()), rel=1e-9)


@pytest.mark.parametrize("text", STRINGS)
def test_the_two_other_scores_clip_afterwards(text: str):
    errors = squared_errors(text).mean()
    assert Expression(score="tripp").score([text])[0] == pytest.approx(min(7, np.log1p(errors)), rel=1e-9)
    assert Expression(score="les").score([text])[0] == pytest.approx(np.log1p(min(1000, errors)), rel=1e-9)


def test_scores_are_those_of_true_division():
    """Where Python 2 rounds 1 / 2 to 0, the original's own loop returned 0.1054."""
    assert Expression().score(["1 / 2 + ( x ) + sin( x * x )"])[0] == pytest.approx(0.0274, abs=5e-5)
    assert Expression().score(["x / 1 + sin( x ) + sin( x * x )"])[0] == pytest.approx(0.4625, abs=5e-5)


def test_undefined_values_are_worst():
    assert Expression().score(["exp( exp( exp( x ) ) ) / exp( exp( exp( x ) ) )"])[0] == pytest.approx(np.log(1001))


def test_expressions_with_equal_values_have_one_key():
    task = Expression()
    keys = {task.canonical(text) for text in ("x * 1 + 2", "2 + x", "1 * ( x ) + 2", "x + 2")}
    assert len(keys) == 1
    assert len({task.canonical(text) for text in ("x", "x + 1", "sin( x )", "2 * x", "exp( x )")}) == 5


def test_descriptors_see_no_point_of_the_objective():
    found = np.sinh(Expression().descriptor(["x"])[0])
    assert found.shape == (48,)
    assert not np.isclose(found[:, None], POINTS[None], atol=1e-7).any()


def test_what_is_no_expression_means_nothing():
    task = Expression()
    assert [task.readable(text) for text in ("", "x +", "y", "x - 1", "sin x")] == [None] * 5
    assert task.readable("x*x+sin(x)") == "x * x + sin( x )"


def test_another_target_has_other_scores():
    task = Expression(target="x*x+exp(1)")
    assert task.score(["x * x + exp( 1 )"])[0] == pytest.approx(0, abs=1e-12)
    assert task.score([TARGET])[0] > 1
    assert not task.published("tlbo")


@pytest.mark.parametrize("target", ["x +", "x - 1", "log( x )", "exp( exp( exp( x ) ) )"])
def test_a_target_that_cannot_be_is_refused_in_one_sentence(target: str):
    with pytest.raises(BadInput, match="the target"):
        Expression(target=target)


def test_a_score_that_is_nearly_right_is_answered_with_the_right_one():
    with pytest.raises(BadInput, match="did you mean 'tripp'"):
        Expression(score="trip")


def test_the_start_hides_what_it_should(expression_file):
    start = Expression().start("tlbo", 3)
    assert len(start.strings) == 40_000
    assert start.scores.min() == pytest.approx(1.52, abs=0.01)
    some = [int(row) for row in np.random.default_rng(0).integers(40_000, size=20)]
    assert Expression().score([start.strings[row] for row in some]) == pytest.approx(start.scores[some])


def test_a_decoder_learns_from_the_start_alone(expression_file):
    task = Expression()
    start = task.start("tripp", 0)
    _, dataset = task.training("tripp", 0)
    parts = (dataset.data.train, dataset.data.valid, dataset.data.test)
    language = task.breeding()
    shown = {text for part in parts for text in language.write(part.x)}
    assert shown == set(start.strings)
