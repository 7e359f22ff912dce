"""Weights that grow from epoch to epoch."""

from __future__ import annotations


def annealed(epoch: int, *, start: float, epochs: int) -> float:
    """From `start` in epoch 0 to 1 in epoch `epochs`, by an equal amount every epoch, then 1.

    Source: Bowman et al. 2016, section 3.1; LAG (He et al. 2019) uses start 0.1 and 10 epochs.
    """
    return start + (1 - start) * min(1.0, epoch / epochs) if epochs else 1.0
