"""Reconstruction against rate over the trials of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from methods.core.errors import BadInput
from pipelines.figures.look import COLORS, MARKERS, MUTED, canvas, legend, panel

_LINES = 6  # of equal elbo, about


class Point(NamedTuple):
    """A trial: its method, rate and distortion, both in nats a datum."""

    method: str
    rate: float
    distortion: float


def draw(points: Sequence[Point], *, title: str) -> Figure:
    """A marker a trial. On a dotted line, the sum of rate and distortion, -elbo, is the same.

    Points with a value that is not finite are left out. Colors and markers follow the methods' first appearance.

    Source: Alemi et al. 2018, Fixing a Broken ELBO, Figure 1.

    Raises:
        BadInput: no point is finite.
    """
    kept = [point for point in points if math.isfinite(point.rate) and math.isfinite(point.distortion)]
    if not kept:
        raise BadInput("the plane needs trials with a finite rate and distortion, and there are none")
    figure = canvas(title, width=5.8, height=3.8)
    axes = panel(figure, xlabel="rate (nats)", ylabel="distortion -log p(x|z) (nats)")
    axes.grid(False)
    axes.set_title("dotted: the same sum, -elbo", fontsize=8)
    methods = list(dict.fromkeys(point.method for point in points))
    for method in dict.fromkeys(point.method for point in kept):
        _scatter(axes, [point for point in kept if point.method == method], methods.index(method))
    _equal_elbo(axes)
    legend(axes, "method")
    return figure


def _scatter(axes: Axes, points: Sequence[Point], place: int) -> None:
    across, up = [point.rate for point in points], [point.distortion for point in points]
    color, marker = COLORS[place % len(COLORS)], MARKERS[place % len(MARKERS)]
    axes.scatter(across, up, s=36, color=color, marker=marker, alpha=0.85, linewidths=0, label=points[0].method)


def _equal_elbo(axes: Axes) -> None:
    """Dotted lines at round sums."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    sums = axes.yaxis.get_major_locator().tick_values(left + low, right + high)
    step = max(1, round(len(sums) / _LINES))
    for total in sums[::step]:
        axes.plot([left, right], [total - left, total - right], ":", color=MUTED, linewidth=0.8, zorder=0)
    axes.set(xlim=(left, right), ylim=(low, high))
