"""Which results are the best: by one metric, and by several."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from orchestrator.definition.objectives import Objective, best, finite, front, parsed, written

LESS = (Objective("valid/bce", "min"), Objective("valid/rate", "min"))


def points(seed: int, count: int, objectives: int) -> dict[str, tuple[float, ...]]:
    """Whole numbers, so that some are equal."""
    rows = np.random.default_rng(seed).integers(0, 8, (count, objectives))
    return {f"t{place:02}": tuple(map(float, row)) for place, row in enumerate(rows)}


@pytest.mark.parametrize("modes", list(itertools.product(("min", "max"), repeat=3)))
def test_the_front_is_what_no_other_one_dominates(modes: tuple[str, ...]) -> None:
    goals = tuple(Objective(f"valid/{place}", mode) for place, mode in enumerate(modes))
    found = points(0, 40, 3)

    def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        gains = [(a - b) * goal.sign for a, b, goal in zip(one, other, goals, strict=True)]
        return min(gains) >= 0 and max(gains) > 0

    expected = {name for name in found if not any(dominates(other, found[name]) for other in found.values())}
    assert set(front(found, goals)) == expected


def test_a_front_goes_by_the_first_metric_best_first() -> None:
    found = {"a": (3.0, 1.0), "b": (1.0, 3.0), "c": (2.0, 2.0)}
    assert front(found, LESS) == ["b", "c", "a"]


def test_the_ends_of_a_front_are_kept_first_and_then_what_is_farthest_from_its_neighbors() -> None:
    # Sums of shares of the range between the neighbors: b 0.2 + 0.8, c 0.9 + 0.7 and d 0.8 + 0.2.
    found = {"a": (0.0, 10.0), "b": (1.0, 9.0), "c": (2.0, 2.0), "d": (9.0, 1.0), "e": (10.0, 0.0)}
    assert best(found, LESS, 2) == ["a", "e"]
    assert best(found, LESS, 3) == ["a", "c", "e"]


@pytest.mark.parametrize("seed", range(5))
def test_more_of_a_front_has_the_less_in_it(seed: int) -> None:
    found = points(seed, 60, 2)
    kept = [set(best(found, LESS, most)) for most in range(1, 9)]
    assert all(less <= more for less, more in itertools.pairwise(kept))


@pytest.mark.parametrize(("mode", "expected"), [("max", "c"), ("min", "a")])
def test_equal_values_of_one_metric_are_told_apart_by_name_in_every_order(mode: str, expected: str) -> None:
    found = {"c": (2.0,), "a": (1.0,), "b": (1.0 if mode == "min" else 2.0,)}
    goals = (Objective("valid/elbo", mode),)
    for order in itertools.permutations(found):
        assert best({name: found[name] for name in order}, goals, 5) == [expected]


def test_of_nothing_nothing_is_the_best() -> None:
    assert best({}, LESS, 3) == []


def test_tags_hold_metrics_and_modes() -> None:
    assert parsed(*written(LESS)) == LESS


@pytest.mark.parametrize("bad", [None, math.nan, math.inf])
def test_a_missing_or_infinite_value_makes_a_result_none(bad: float | None) -> None:
    assert finite([1.0, 2.0]) == (1.0, 2.0)
    assert finite([1.0, bad]) is None
