"""Weights that grow while training goes on."""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

Progress = TypeVar("Progress", float, Tensor)
"""Epochs done so far, fractions of them included; a tensor where it lives on a device."""


def annealed(epoch: Progress, *, start: float, epochs: int, end: float = 1.0) -> Progress | float:
    """From `start` at epoch 0 to `end` at epoch `epochs` in a straight line, then `end`; with 0 epochs `end` at once.

    Source: Bowman et al. 2016, section 3.1; LAG (He et al. 2019) uses start 0.1 and 10 epochs.
    """
    if epochs == 0:
        return end
    share = epoch / epochs
    return start + (end - start) * (share.clamp(max=1) if isinstance(share, Tensor) else min(1.0, share))
