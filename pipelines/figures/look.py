"""How all figures look: colors that color-blind people can tell apart, sizes of a paper's page, no state of pyplot."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

# Okabe and Ito (2008), without yellow, which white pages swallow.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colors of categories, in order."""

MARKERS = ("o", "s", "^", "D", "v", "P")
"""Markers of categories, in order. Seven colors and six markers are 42 different pairs."""

BAD = COLORS[1]
"""What is marked as bad."""

MUTED = "#8A8A8A"
"""What is beside the point: guide lines, rows of no class."""

_QUIET = "#5F5F5F"

_WIDE = 30  # ratio of the largest to the smallest value from which an axis is logarithmic
_CROWDED = 200  # ratio of an axis's ends from which only powers of ten are written


def canvas(title: str, *, width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches. The first line of `title` stands on top, the others small below."""
    figure = Figure(figsize=(width, height), dpi=200, layout="compressed")
    top, _, rest = title.partition("\n")
    figure.suptitle(top, fontsize=10)
    if rest:
        figure.supxlabel(rest, fontsize=7, color=_QUIET)
    return figure


def panel(figure: Figure, *, xlabel: str, ylabel: str, title: str = "") -> Axes:
    """The only panel of a figure of lines, points or bars."""
    axes = figure.add_subplot()
    dress(axes, xlabel=xlabel, ylabel=ylabel, title=title)
    return axes


def dress(axes: Axes, *, xlabel: str, ylabel: str, title: str = "") -> None:
    """Labels and a light frame."""
    axes.set_xlabel(xlabel, fontsize=9)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.set_title(title, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, alpha=0.15)
    axes.set_axisbelow(True)


def scale(values: Sequence[float]) -> str:
    """ "log" for positive values over a wide range, else "linear"."""
    return "log" if values and min(values) > 0 and max(values) > _WIDE * min(values) else "linear"


def plain_numbers(axes: Axes) -> None:
    """Numbers on logarithmic axes as they are read, without exponents."""
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            low, high = sorted(axis.get_view_interval())
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < _CROWDED * low else (1,)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())


def legend(axes: Axes, title: str = "") -> None:
    """Beside the panel, so that it covers nothing."""
    beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    axes.legend(title=title, fontsize=8, title_fontsize=8, markerscale=1.4, frameon=False, **beside)
