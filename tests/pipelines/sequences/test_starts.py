from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from methods.core.errors import BadInput
from pipelines.sequences.starts import Start, expression_start, molecule_start, names

SCORES = np.random.RandomState(0).permutation(100_000) / 1000.0  # 0 to 100 in steps of 0.001, the percentile itself
Make = Callable[..., Start]


@pytest.mark.parametrize("make", [expression_start, molecule_start])
@pytest.mark.parametrize("name", names())
def test_rows_are_distinct_and_the_optimizer_sees_nothing_hidden_from_the_autoencoder(make: Make, name: str) -> None:
    start = make(name, SCORES)
    for rows in (start.autoencoder, start.optimizer):
        assert len(np.unique(rows)) == len(rows)
    assert set(start.optimizer) <= set(start.autoencoder)


@pytest.mark.parametrize("make", [expression_start, molecule_start])
@pytest.mark.parametrize("name", names())
def test_the_same_seed_gives_the_same_start(make: Make, name: str) -> None:
    first, second = make(name, SCORES, seed=4), make(name, SCORES, seed=4)
    np.testing.assert_array_equal(first.optimizer, second.optimizer)


@pytest.mark.parametrize("name", ["gvae", "tripp", "tlbo"])
def test_another_seed_gives_another_start(name: str) -> None:
    first, second = (expression_start(name, SCORES, seed=seed) for seed in (1, 2))
    assert set(first.optimizer) != set(second.optimizer)


def test_held_out_hides_expressions_that_score_below_the_threshold() -> None:
    start = expression_start("held_out", SCORES)
    assert SCORES[start.autoencoder].min() == 0.05
    assert len(start.autoencoder) == 100_000 - 50


def test_held_out_hides_the_best_three_percent_of_molecules() -> None:
    assert SCORES[molecule_start("held_out", SCORES).autoencoder].min() == 3.0


def test_gvae_shows_all_strings_and_nine_tenths_of_the_scores() -> None:
    start = expression_start("gvae", SCORES)
    assert (len(start.autoencoder), len(start.optimizer)) == (100_000, 90_000)


def test_tripp_shows_five_thousand_of_the_worse_half_of_expressions() -> None:
    start = expression_start("tripp", SCORES)
    assert len(start.autoencoder) == 5000
    assert SCORES[start.autoencoder].min() >= 50


def test_tripp_shows_the_best_two_thousand_and_eight_thousand_other_molecules() -> None:
    start = molecule_start("tripp", SCORES)
    assert (len(start.autoencoder), len(start.optimizer)) == (100_000, 10_000)
    assert (SCORES[start.optimizer] < 2).sum() == 2000


def test_tlbo_shows_the_worst_and_a_few_of_the_middle_but_none_of_the_best() -> None:
    seen = SCORES[expression_start("tlbo", SCORES).autoencoder]
    assert len(seen) == 40_000
    assert (seen >= 65).sum() == 35_000
    assert seen.min() >= 3


def test_few_strings_are_enough_for_every_start() -> None:
    for name in names():
        assert len(expression_start(name, np.arange(1.0, 11.0)).autoencoder) > 0


def test_an_unknown_start_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'tripp'"):
        expression_start("trip", SCORES)


@pytest.mark.parametrize("scores", [np.array([]), np.array([1.0, np.nan])])
def test_scores_that_cannot_be_ranked_are_refused(scores: np.ndarray) -> None:
    with pytest.raises(BadInput, match="finite scores"):
        expression_start("held_out", scores)
