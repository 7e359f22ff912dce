"""Rows to categories, each row to one, at the least total cost, where crowded categories cost more."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def balanced_assignment(costs: Float[Tensor, "B K"], crowding: float) -> Int[Tensor, " B"]:
    """The categories k_b that minimize sum_b costs[b, k_b] + crowding * (number of ordered pairs in one category).

    Exact: the r-th member of a category adds 2 crowding (r - 1), so that each category is a row of seats whose prices
    rise, and the cheapest seating of all rows fills them from the front. It is solved on the CPU, except without
    crowding, when every row takes its cheapest category.

    Source: Jeong and Song 2019, a minimum-cost flow there.

    Args:
        costs: finite, of every row in every category.
        crowding: at least 0, in the unit of the costs.
    """
    if crowding == 0:
        return costs.argmin(1)
    rows = len(costs)
    prices = 2 * crowding * np.arange(rows)
    seats = costs.detach().cpu().double().numpy()[:, :, None] + prices  # (B, K, seats)
    _, chosen = linear_sum_assignment(seats.reshape(rows, -1))
    return torch.from_numpy(chosen // rows).to(costs.device)
