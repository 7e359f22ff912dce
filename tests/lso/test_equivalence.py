"""Which subtrees mean the same, from scores alone, against what they evaluate to."""

from __future__ import annotations

import numpy as np
import pytest

from lso.equivalence import Equivalence
from lso.tasks.expression import Expression
from pipelines.grammar.arithmetic import evaluate
from pipelines.sequences.generation import generate


@pytest.fixture(scope="module")
def learned() -> tuple[Equivalence, list[str], np.ndarray]:
    task = Expression()
    language = task.breeding()
    strings = list(dict.fromkeys(language.write(generate(language, 6000, seed=1))))
    return Equivalence(language, strings, np.array(task.score(strings))), strings, np.array(task.score(strings))


def test_forms_that_are_common_to_all_mean_the_same(learned):
    equivalence, strings, _ = learned
    language, points = Expression().breeding(), np.linspace(-3, 3, 20)
    values: dict[bytes, np.ndarray] = {}
    for string in strings:
        own = np.nan_to_num(evaluate(language.parse(string), points))
        assert values.setdefault(equivalence.form(string), own) == pytest.approx(own, rel=1e-6)


def test_some_ways_to_write_the_same_are_found(learned):
    equivalence, strings, _ = learned
    assert equivalence.form("( x )") == equivalence.form("x")
    assert equivalence.form("exp( ( x ) )") == equivalence.form("exp( x )")
    assert len({equivalence.form(string) for string in strings}) < 0.98 * len(strings)


def test_what_differs_stays_different(learned):
    equivalence, _, _ = learned
    assert len({equivalence.form(string) for string in ("x", "1", "2", "3", "sin( x )", "exp( x )")}) == 6


def test_one_score_for_all_is_no_evidence(learned):
    _, strings, _ = learned
    blind = Equivalence(Expression().breeding(), strings, np.zeros(len(strings)))
    assert len({blind.form(string) for string in strings}) == len(strings)
