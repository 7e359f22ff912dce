"""Hubs against scikit-learn's neighbors and double loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import zscore
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from methods.core import hubs


def _points(groups: int = 3, rows: int = 30) -> Tensor:
    return torch.randn(groups, rows, 6).double() + 50


def test_neighbors_and_distances_are_scikit_learns_within_each_group() -> None:
    points = _points()
    found = hubs.nearest(points, 4)
    for group, positions, distances in zip(points, found.positions, found.distances, strict=True):
        theirs = NearestNeighbors(n_neighbors=4).fit(group.numpy()).kneighbors()  # without the point itself
        np.testing.assert_array_equal(positions, theirs[1])
        np.testing.assert_allclose(distances, theirs[0])


def test_neighbors_sought_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    points = _points()
    whole = hubs.nearest(points, 4)
    monkeypatch.setattr(hubs, "_ENTRIES", 7 * 90)
    pieces = hubs.nearest(points, 4)
    assert torch.equal(pieces.positions, whole.positions)
    torch.testing.assert_close(pieces.distances, whole.distances)


def test_hubness_counts_reverse_neighbors_and_has_the_mean_k() -> None:
    near = hubs.nearest(_points(), 4)
    counts = hubs.hubness(near)
    for group in range(3):
        expected = [(near.positions[group] == row).sum().item() for row in range(30)]
        assert counts[group].tolist() == expected
    assert counts.mean(1).tolist() == [4, 4, 4]


def test_hubs_are_half_a_standard_deviation_above_the_mean_of_their_group() -> None:
    counts = torch.tensor([[0.0, 2, 4, 10], [5, 5, 5, 5]])  # means 4 and 5, standard deviations 3.74 and 0
    assert hubs.are_hubs(counts).tolist() == [[False, False, False, True], [False] * 4]
    assert hubs.are_hubs(counts, strength=-0.1).tolist() == [[False, False, True, True], [False] * 4]


def test_goodness_is_the_worth_over_the_distances_of_the_reverse_neighbors() -> None:
    near = hubs.nearest(_points(), 4)
    worth = torch.rand_like(near.distances)
    found = hubs.log_goodness(near, worth.log()).exp()
    for group in range(3):
        for row in range(30):
            reverse = near.positions[group] == row
            total, length = worth[group][reverse].sum(), near.distances[group][reverse].sum()
            assert found[group, row].item() == pytest.approx((total / length).item() if reverse.any() else 0)


def test_goodness_compares_densities_that_no_number_holds() -> None:
    near = hubs.nearest(_points(), 4)
    worth = torch.rand_like(near.distances).log()
    torch.testing.assert_close(hubs.log_goodness(near, worth - 5000), hubs.log_goodness(near, worth) - 5000)


def test_passing_are_z_scores_of_at_least_half_the_largest() -> None:
    scores = torch.rand(50).double() ** 3
    standard = zscore(scores.numpy())
    np.testing.assert_array_equal(hubs.passing(scores), standard >= standard.max() / 2)


@pytest.mark.parametrize(("floor", "count"), [(0, 2), (1, 2), (4, 4), (100, 6)])
def test_the_good_are_those_that_pass_or_as_many_of_the_best_as_the_floor(floor: int, count: int) -> None:
    scores = torch.tensor([0.1, 3.0, 0.2, 2.9, 0.3, 0.4])
    chosen = hubs.good(scores, floor)
    assert set(scores[chosen].tolist()) == set(scores.sort(descending=True).values[:count].tolist())
