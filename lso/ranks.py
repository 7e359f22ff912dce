"""Draws among things in order, by rank alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EVEN = 3.0  # with more, the first are drawn hardly more often than those behind them


def draw(ranked: int, shape: tuple[int, ...], random: np.random.Generator) -> NDArray[np.int64]:
    """Places among so many things, the best of which is first and is drawn most often.

    The weight of a place is one over three plus its rank.
    """
    weights = 1 / (np.arange(ranked) + _EVEN)
    return random.choice(ranked, shape, p=weights / weights.sum())
