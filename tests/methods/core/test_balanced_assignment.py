from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.core.balanced_assignment import balanced_assignment


def _total(costs: np.ndarray, chosen: tuple[int, ...] | Tensor, crowding: float) -> float:
    pairs = sum(a == b for a, b in itertools.permutations(list(map(int, chosen)), 2))
    return sum(row[int(k)] for row, k in zip(costs, chosen, strict=True)) + crowding * pairs


@pytest.mark.parametrize("crowding", [0.0, 0.01, 0.3, 10.0])
def test_no_other_assignment_costs_less(crowding: float) -> None:
    for _ in range(5):
        costs = torch.randn(6, 3).double()
        found = _total(costs.numpy(), balanced_assignment(costs, crowding), crowding)
        everything = (_total(costs.numpy(), every, crowding) for every in itertools.product(range(3), repeat=6))
        assert found == pytest.approx(min(everything))


def test_without_crowding_every_row_takes_its_cheapest() -> None:
    costs = torch.randn(50, 7)
    assert torch.equal(balanced_assignment(costs, 0.0), costs.argmin(1))


def test_a_high_price_of_crowds_fills_all_categories_equally() -> None:
    costs = torch.randn(40, 8) + torch.arange(8.0)
    assert balanced_assignment(costs, 1e3).bincount(minlength=8).tolist() == [5] * 8


def test_more_categories_than_rows_leave_some_empty() -> None:
    assert balanced_assignment(torch.zeros(3, 9), 1.0).unique().numel() == 3
