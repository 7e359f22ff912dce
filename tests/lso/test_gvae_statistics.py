"""The numbers that Kusner et al. 2017 print."""

from __future__ import annotations

import pytest

from lso.gvae_statistics import gvae_statistics
from lso.record import Row


def run(*scores: float | None) -> list[Row]:
    """Rows with these scores; None is invalid, and no row is new."""
    return [Row("gvae", 0, 0, "any", "s", "s", score, score is not None, False, 1, 1, 1) for score in scores]


def test_the_average_leaves_out_the_worst_score_of_all_runs_and_what_is_invalid():
    found = gvae_statistics([run(1.0, 6.9, None), run(2.0, 4.0, 6.9)], 3, maximize=False)
    assert found["average"] == pytest.approx((1.0 + 3.0) / 2)
    assert found["average_sd"] == pytest.approx(2**0.5)


def test_equal_bests_of_runs_count_once_among_the_best_three():
    found = gvae_statistics([run(0.0, 3.0), run(3e-31), run(0.4), run(0.5), run(0.6)], 9, maximize=False)
    assert found["best_three"] == [0.0, 0.4, 0.5]


def test_repeats_count_and_proposals_beyond_the_budget_do_not():
    found = gvae_statistics([run(3.0, 3.0, None, 2.0, 1.0)], 4, maximize=False)
    assert (found["fraction_valid"], found["best_three"]) == (0.75, [2.0])


def test_high_scores_are_best_where_the_task_says_so():
    found = gvae_statistics([run(-20.0, 1.0, 3.0), run(4.0)], 9, maximize=True)
    assert found["best_three"] == [4.0, 3.0]
    assert found["average"] == pytest.approx((2.0 + 4.0) / 2)


def test_there_is_no_average_where_nothing_is_valid():
    assert gvae_statistics([run(None)], 9, maximize=False)["average"] is None
