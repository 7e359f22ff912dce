"""Results by optimizer, against small cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lso.plan import Plan
from lso.record import Row
from lso.summary import best_strings, collect, curve, interval, metrics, summarize
from lso.worker import Finished


def rows(optimizer: str, seed: int, scores: list[float]) -> list[Row]:
    return [
        Row(optimizer, seed, 0, "test", f"s{score}", f"s{score}", score, True, True, n, n, n)
        for n, score in enumerate(scores, 1)
    ]


PLAN = Plan("expression", optimizers=("local", "prior"), seeds=2, budget=4, batch=2)
ROWS = {
    ("local", 0): rows("local", 0, [3.0, 1.0, 2.0, 0.5]),
    ("local", 1): rows("local", 1, [2.0, 0.0]),
    ("prior", 0): rows("prior", 0, [4.0, 5.0, 3.5, 3.0]),
}
FINISHED = [Finished("local", seed, "descriptor", 1.0, {}) for seed in (0, 1)]


def test_curves_are_the_best_so_far_and_stay_where_they_ended():
    assert curve(ROWS["local", 0], 4, maximize=False).tolist() == [3, 1, 1, 0.5]
    assert curve(ROWS["local", 1], 4, maximize=False).tolist() == [2, 0, 0, 0]
    assert curve(ROWS["local", 0], 4, maximize=True).tolist() == [3, 3, 3, 3]


def test_a_summary_holds_every_seed_and_the_label():
    local, prior = collect(PLAN, ROWS, FINISHED, maximize=False)
    found = summarize(local, PLAN, maximize=False)
    assert found["label"] == "descriptor"
    assert found["best"]["4"]["per_seed"] == [0.5, 0]
    assert found["best"]["4"]["mean"] == 0.25
    assert found["best"]["4"]["sd"] == pytest.approx(0.5 / np.sqrt(2))
    assert found["calls"] == [4, 2]
    assert summarize(prior, PLAN, maximize=False)["seeds"] == [0]


def test_winners_are_the_strings_of_the_best_scores():
    (local, _) = collect(PLAN, ROWS, FINISHED, maximize=False)
    assert local.winners(maximize=False) == ["s0.5", "s0.0"]
    assert local.winners(maximize=True) == ["s3.0", "s2.0"]


def test_metrics_are_flat_and_the_first_optimizer_is_the_result():
    results = {one.optimizer: summarize(one, PLAN, maximize=False) for one in collect(PLAN, ROWS, [], maximize=False)}
    found = metrics("expression", results, PLAN)
    assert found["lso/expression/best"] == found["lso/expression/local/best_4"] == 0.25


def test_the_interval_of_a_mean_is_student_s_for_many_normal_values():
    values = np.random.default_rng(0).normal(size=(400, 1))
    low, high = interval(values)
    expected = stats.t.interval(0.95, 399, values.mean(), values.std(ddof=1) / 20)
    assert (low[0], high[0]) == pytest.approx(expected, abs=0.02)


def test_the_best_strings_are_one_for_every_score():
    runs = collect(PLAN, ROWS, FINISHED, maximize=False)
    assert best_strings(runs, maximize=False, count=3) == [("s0.0", 0.0), ("s0.5", 0.5), ("s1.0", 1.0)]
