"""Best score by calls, over seeds, beside what others report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from lso.summary import Runs, interval
from lso.task import Published

_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito 2008
_LABELS = {"black_box": "black box", "canonicalised": "canonicalised", "descriptor": "descriptor"}


def figure(runs: Sequence[Runs], published: Sequence[Published], *, title: str, maximize: bool) -> Figure:
    """Lines for the means over seeds, bands for their 95 % intervals, thin lines for the runs.

    Others' results are dotted lines. The legend says what each optimizer knew.
    """
    whole = Figure(figsize=(8, 5), layout="constrained")
    ax = whole.subplots()
    for place, one in enumerate(runs):
        color = _COLORS[place % len(_COLORS)]
        calls = np.arange(1, one.curves.shape[1] + 1)
        low, high = interval(one.curves)
        ax.plot(calls, one.curves.T, color=color, linewidth=0.4, alpha=0.35)
        ax.fill_between(calls, low, high, color=color, alpha=0.15, linewidth=0)
        label = f"{one.optimizer} ({_LABELS[one.label]}, {len(one.seeds)} seeds)"
        ax.plot(calls, one.curves.mean(0), color=color, linewidth=2, label=label)
    for place, entry in enumerate(published):
        ax.axhline(entry.score, color="gray", linestyle=":", linewidth=1)
        text = f"{entry.name}, {entry.calls} calls" if entry.calls else entry.name
        shift = 0.99 - 0.2 * (place % 5)  # side by side, since results lie close together
        ax.text(
            shift,
            entry.score,
            text,
            transform=ax.get_yaxis_transform(),
            ha="right",
            va="bottom",
            fontsize=7,
            color="gray",
        )
    if not maximize and min(float(one.curves.min()) for one in runs) >= 0:
        ax.set_yscale("symlog", linthresh=0.1)
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_formatter("{x:g}")
    if maximize:
        ax.set_ylim(bottom=_floor(runs))
    ax.set(xlabel="calls of the objective", ylabel=f"best score so far ({'higher' if maximize else 'lower'} is better)")
    ax.set_title(title, fontsize=11)
    ax.legend(fontsize=8)
    ax.grid(alpha=0.3)
    return whole


def _floor(runs: Sequence[Runs]) -> float:
    """A little below all curves from their tenth call on: else one very bad string at the start would set the scale."""
    low = min(float(one.curves[:, min(9, one.curves.shape[1] - 1)].min()) for one in runs)
    high = max(float(one.curves.max()) for one in runs)
    return low - 0.05 * (high - low) - 1e-9
