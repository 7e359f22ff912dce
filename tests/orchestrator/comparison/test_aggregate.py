"""Statistics over data sets."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from orchestrator.comparison import aggregate
from orchestrator.comparison.across import across
from orchestrator.records.runs import TrialRun


def test_values_are_normalized_so_that_means_lie_between_0_and_1() -> None:
    found = aggregate.normalized({"a": [[1.0, 3.0], [10.0]], "b": [[6.0], [20.0]]}, higher_is_better=True)
    assert found == {"a": [[-0.25, 0.25], [0.0]], "b": [[1.0], [1.0]]}
    lower = aggregate.normalized({"a": [[2.0]], "b": [[6.0]]}, higher_is_better=False)
    assert lower == {"a": [[1.0]], "b": [[0.0]]}


def test_the_interquartile_mean_is_that_of_the_middle_half() -> None:
    # 1 … 8 without the lowest and the highest two: (3 + 4 + 5 + 6) / 4
    assert aggregate.interquartile_mean([[8.0, 1.0, 3.0, 6.0], [2.0, 4.0, 7.0, 5.0]]) == 4.5
    assert aggregate.interquartile_mean([[0.0, 1.0, 2.0, 1000.0]]) == 1.5


def test_the_probability_of_improvement_counts_pairs_and_halves_of_ties() -> None:
    better, worse = [[3.0, 1.0], [5.0, 5.0, 6.0]], [[2.0, 1.0], [5.0]]
    pairs = [
        np.mean([(a > b) + 0.5 * (a == b) for a, b in itertools.product(one, other)])
        for one, other in zip(better, worse, strict=True)
    ]
    assert aggregate.probability_of_improvement(better, worse) == pytest.approx(np.mean(pairs))
    assert aggregate.probability_of_improvement(better, better) == 0.5


def test_ranks_are_means_over_data_sets_and_ties_share_theirs() -> None:
    samples = {"a": [[3.0], [1.0]], "b": [[2.0], [1.0]], "c": [[1.0], [0.0]]}
    assert aggregate.mean_ranks(samples) == {"a": 1.25, "b": 1.75, "c": 3.0}


def test_three_methods_are_tested_by_friedman_and_two_by_wilcoxon() -> None:
    samples = {name: [[value + place] for place in range(6)] for name, value in (("a", 1.0), ("b", 2.0), ("c", 3.0))}
    columns = [[value[0] for value in scores] for scores in samples.values()]
    assert aggregate.rank_test(samples) == ("Friedman's test", stats.friedmanchisquare(*columns).pvalue)
    two = {name: samples[name] for name in ("a", "b")}
    assert aggregate.rank_test(two) == ("Wilcoxon's signed-rank test", stats.wilcoxon(*columns[:2]).pvalue)


def test_where_nothing_can_be_found_the_p_value_is_1() -> None:
    assert aggregate.rank_test({"a": [[1.0], [2.0]], "b": [[3.0], [4.0]]})[1] == 1.0
    assert aggregate.rank_test({"a": [[1.0]] * 5, "b": [[1.0]] * 5, "c": [[1.0]] * 5})[1] == 1.0


def test_the_interval_covers_as_often_as_it_says() -> None:
    # 200 intervals of 2 x 20 Gaussian values, of which about 0.93 cover (the bootstrap is a little narrow): 160 is off
    # by six standard deviations.
    random, covered = np.random.default_rng(0), 0
    for _ in range(200):
        low, high = aggregate.interquartile_interval(random.standard_normal((2, 20)).tolist())
        covered += low <= 0 <= high
    assert 160 < covered < 200


def run(arm: str, data: str, value: float) -> TrialRun:
    return TrialRun(
        f"{arm}{data}{value}",
        arm,
        "replicate",
        "i",
        "c",
        1,
        "finished",
        "FINISHED",
        {"data": data},
        {"test/bce": value},
        0,
        1,
    )


def test_the_table_has_the_best_method_first_and_the_chance_that_it_beats_the_others() -> None:
    standings = {
        data: {arm: [run(arm, data, value + shift) for shift in (0.0, 0.1)] for arm, value in (("a", 9.0), ("b", 5.0))}
        for data in ("x", "y", "z")
    }
    table = across(standings, "bce", mark=" @5%")
    assert table is not None
    assert [row[0].text for row in table.rows] == ["b", "a"]
    assert table.rows[1][4].text == "1.00 @5%"
    assert table.rows[0][1].text == "1.00 @5%"


def test_a_method_that_lacks_a_data_set_or_is_not_finite_is_left_out() -> None:
    whole = {"a": [run("a", "x", 1.0)], "b": [run("b", "x", 2.0)], "c": [run("c", "x", math.nan)]}
    assert across({"x": whole, "y": {"a": whole["a"], "c": whole["c"]}}, "bce") is None
