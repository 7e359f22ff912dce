"""Expressions drawn against their target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

_COLUMNS = 3

Values = NDArray[np.float64]


def figure(points: Values, target: Values, best: Sequence[tuple[str, float, Values]]) -> Figure:
    """One panel for every expression (string, score, values), with the target in gray behind it."""
    rows = max(1, -(-len(best) // _COLUMNS))
    whole = Figure(figsize=(4 * _COLUMNS, 2.6 * rows), layout="constrained")
    low, high = float(target.min()), float(target.max())
    room = 0.3 * (high - low) + 1e-9
    for place, ax in enumerate(whole.subplots(rows, _COLUMNS, squeeze=False).flat):
        if place >= len(best):
            ax.axis("off")
            continue
        string, score, values = best[place]
        ax.plot(points, target, color="gray", linewidth=3, alpha=0.5, label="target")
        ax.plot(points, values, color="#0072B2", linewidth=1, label="found")
        ax.set_ylim(low - room, high + room)  # values may run away
        ax.set_title(f"{string}\nscore {score:.4g}", fontsize=8)
        if place == 0:
            ax.legend(fontsize=7)
    return whole
