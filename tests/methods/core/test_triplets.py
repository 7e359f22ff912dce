"""The hinge against a double loop that follows the paper's words."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from methods.core.triplets import neighborhood_hinge


def _double_loop(points: np.ndarray, labels: np.ndarray, margin: float) -> np.ndarray:
    k = math.isqrt(len(points))
    distances = cdist(points, points)
    neighbors = [[j for j in np.argsort(row) if j != i][:k] for i, row in enumerate(distances)]
    last = np.array([distances[i, near[-1]] for i, near in enumerate(neighbors)])
    limit = last.mean() + 2 * last.std()
    values = []
    for i, near in enumerate(neighbors):
        inside = [j for j in near if distances[i, j] <= limit]
        same = [distances[i, j] for j in inside if labels[j] == labels[i]]
        other = [distances[i, j] for j in inside if labels[j] != labels[i]]
        values.append(sum(max(0, max(same) - n + margin) for n in other) if same else 0.0)
    return np.array(values)


@pytest.mark.parametrize("rows", [4, 30, 100])
@pytest.mark.parametrize("margin", [1.0, 0.1])
def test_it_is_the_papers(rows: int, margin: float) -> None:
    points = torch.randn(rows, 5).double() * torch.linspace(0.5, 4, rows).unsqueeze(1) + 30
    labels = torch.randint(3, (rows,))
    found = neighborhood_hinge(points, labels, margin)
    np.testing.assert_allclose(found, _double_loop(points.numpy(), labels.numpy(), margin), atol=1e-9)


def test_a_neighbor_beyond_two_standard_deviations_is_none() -> None:
    """An outlier's neighbors are all too far for it, whatever their labels."""
    points = torch.cat([torch.randn(24, 2), torch.tensor([[100.0, 0]])]).double()
    labels = torch.arange(25) % 2
    assert neighborhood_hinge(points, labels)[-1] == 0


def test_rows_of_one_label_have_nothing_to_be_kept_from() -> None:
    assert neighborhood_hinge(torch.randn(20, 3), torch.zeros(20, dtype=torch.long)).eq(0).all()


def test_rows_of_labels_of_their_own_have_no_positive_and_are_skipped() -> None:
    assert neighborhood_hinge(torch.randn(20, 3), torch.arange(20)).eq(0).all()


def test_the_gradient_is_that_of_finite_differences() -> None:
    points, labels = torch.randn(12, 3).double().requires_grad_(), torch.arange(12) % 3
    assert neighborhood_hinge(points, labels).sum() > 0
    assert torch.autograd.gradcheck(lambda p: neighborhood_hinge(p, labels), points)


def test_points_that_coincide_have_a_finite_gradient() -> None:
    points, labels = torch.ones(9, 2).requires_grad_(), torch.arange(9) % 2
    (gradient,) = torch.autograd.grad(neighborhood_hinge(points, labels).sum(), points)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("rows", [1, 2])
def test_a_batch_without_triplets_costs_nothing(rows: int) -> None:
    assert neighborhood_hinge(torch.randn(rows, 3), torch.zeros(rows, dtype=torch.long)).tolist() == [0] * rows
