"""Means, Welch's test, Holm's correction, and when a method is called best."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from orchestrator.comparison.significance import LEVEL, clearly_best, holm, summary, welch


def test_the_standard_deviation_divides_by_n_minus_1() -> None:
    found = summary([2.0, 4.0, 9.0])

    assert (found.mean, found.n) == (5.0, 3)
    assert found.sd == pytest.approx(np.std([2.0, 4.0, 9.0], ddof=1))


def test_one_value_has_a_mean_and_no_standard_deviation() -> None:
    found = summary([2.0])

    assert found.mean == 2.0
    assert math.isnan(found.sd)


def test_a_value_that_is_not_finite_leaves_no_mean() -> None:
    assert math.isnan(summary([1.0, math.inf, 2.0]).mean)


@pytest.mark.parametrize("n", [2, 3, 10])
def test_welch_agrees_with_scipy(n: int) -> None:
    random = np.random.default_rng(n)
    a, b = random.normal(0, 1, n), random.normal(1, 3, n + 1)

    assert welch(a.tolist(), b.tolist()) == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)


def test_welch_is_undecided_where_nothing_varies() -> None:
    assert welch([1.0, 1.0, 1.0], [2.0, 2.0, 2.0]) == 1.0


def test_holm_agrees_with_a_computation_by_hand() -> None:
    # Sorted: 0.005 * 4 = 0.02, 0.01 * 3 = 0.03, 0.03 * 2 = 0.06, and 0.04 * 1 may not be less than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_exceeds_one() -> None:
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_a_clear_winner_is_best_in_the_direction_of_the_metric() -> None:
    samples = {"low": [1.0, 1.1, 0.9], "middle": [5.0, 5.1, 4.9], "high": [9.0, 9.1, 8.9]}

    assert clearly_best(samples, True) == "high"
    assert clearly_best(samples, False) == "low"


def test_overlapping_values_have_no_winner() -> None:
    assert clearly_best({"a": [1.0, 2.0, 3.0], "b": [1.5, 2.5, 3.5]}, True) is None


def test_the_winner_must_beat_every_other() -> None:
    assert clearly_best({"a": [9.0, 9.1, 8.9], "b": [8.9, 9.2, 8.8], "c": [1.0, 1.1, 0.9]}, True) is None


def test_holm_decides_where_single_tests_would_not() -> None:
    best, other = [1.0, 1.1, 1.2], [0.75, 0.88, 0.93]
    p = welch(best, other)

    assert LEVEL / 2 < p < LEVEL  # one comparison passes, the smaller of two must be under LEVEL / 2
    assert clearly_best({"best": best, "b": other}, True) == "best"
    assert clearly_best({"best": best, "b": other, "c": other}, True) is None


@pytest.mark.parametrize("odd", [[0.0], [0.0, math.nan, 0.0]])
def test_nothing_is_best_beside_a_method_that_cannot_be_tested(odd: list[float]) -> None:
    assert clearly_best({"a": [9.0, 9.1, 8.9], "b": odd}, True) is None


def test_a_method_alone_is_not_best() -> None:
    assert clearly_best({"a": [1.0, 1.1, 1.2]}, True) is None


@pytest.mark.parametrize("methods", [2, 4])
def test_equally_good_methods_are_rarely_told_apart(methods: int) -> None:
    random = np.random.default_rng(0)
    columns = 1000
    wrong = sum(
        clearly_best({str(m): random.normal(size=4).tolist() for m in range(methods)}, True) is not None
        for _ in range(columns)
    )

    assert wrong <= stats.binom.isf(1e-6, columns, LEVEL)  # false alarm rate of this test: 1e-6
