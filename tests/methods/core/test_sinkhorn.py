from __future__ import annotations

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from methods.core.sinkhorn import sinkhorn


def _imbalance(plan: Tensor) -> float:
    return (plan.sum(0) * plan.shape[1] / len(plan) - 1).abs().max().item()


@pytest.mark.parametrize(("rows", "columns"), [(256, 10), (50, 50), (7, 20), (5, 1), (1, 5)])
@pytest.mark.parametrize("scale", [0.01, 0.1, 1.0])
def test_every_row_is_a_distribution_and_every_column_has_an_equal_share(rows: int, columns: int, scale: float) -> None:
    plan = sinkhorn(scale * torch.randn(rows, columns), 0.05)
    torch.testing.assert_close(plan.sum(1), torch.ones(rows))
    assert _imbalance(plan) < 0.01


def test_scores_that_overflow_an_exponential_are_balanced_too() -> None:
    # Raw dot products of 256 dimensions: their standard deviation is 16, and exp(16 / 0.05) is infinite.
    scores = torch.randn(256, 256) @ torch.randn(256, 10)
    plan = sinkhorn(scores, 0.05, sweeps=20_000)
    assert plan.isfinite().all()
    assert _imbalance(plan) < 0.01


def test_a_column_that_every_row_prefers_gets_no_more_than_its_share() -> None:
    scores = 0.1 * torch.randn(100, 4)
    scores[:, 2] += 3
    assert scores.argmax(1).eq(2).all()
    assert _imbalance(sinkhorn(scores, 0.05)) < 0.01


def test_the_plan_is_the_exponential_of_the_scores_with_a_factor_for_every_row_and_column() -> None:
    """What characterizes the solution: Cuturi 2013, Lemma 2."""
    scores = torch.randn(30, 6).double()
    rest = sinkhorn(scores, 0.5).log() - scores / 0.5
    additive = rest.mean(0) + rest.mean(1, keepdim=True) - rest.mean()
    torch.testing.assert_close(rest, additive)


def test_no_balanced_plan_nearby_has_a_larger_objective() -> None:
    scores, epsilon = torch.randn(12, 4).double(), 0.3

    def objective(plan: Tensor) -> Tensor:
        return (plan * scores).sum() - epsilon * (plan * plan.log()).sum()

    plan = sinkhorn(scores, epsilon, tolerance=1e-9)
    for _ in range(50):
        change = torch.randn(12, 4).double()
        change = change - change.mean(0) - change.mean(1, keepdim=True) + change.mean()  # keeps all sums
        step = 0.5 * (plan / change.abs()).min() * change
        assert objective(plan + step) < objective(plan)


def test_with_little_entropy_it_is_the_best_matching() -> None:
    scores = torch.randn(8, 8).double()
    _, matched = linear_sum_assignment(scores, maximize=True)
    assert sinkhorn(scores, 0.01, sweeps=20_000).argmax(1).tolist() == list(matched)


def test_equal_scores_are_shared_equally() -> None:
    torch.testing.assert_close(sinkhorn(torch.zeros(6, 3), 0.05), torch.full((6, 3), 1 / 3))


def test_it_has_no_gradient() -> None:
    assert not sinkhorn(torch.randn(5, 3, requires_grad=True), 0.05).requires_grad
