"""Figures of a comparison as inline SVG: they take the color of the text around them, so they suit light and dark."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from orchestrator.comparison.curves import Panel
from orchestrator.comparison.planes import Plane, Points

# Okabe and Ito (2008), colors that color-blind people can tell apart; without black and yellow, which
# disappear on a dark or a light page.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (5, 1.2, 1, 1.2)), (0, (9, 2)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
TEXT = "#010203"  # stands for the page's text color until the SVG is written
_WIDE_FIGURE = (6.4, 4.8)  # inches
_WIDE = 30  # ratio of the largest to the smallest value from which an axis is logarithmic
_CROWDED = 200  # ratio of an axis's ends from which only powers of ten are written

LOOK = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "svg.hashsalt": "comparison",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.15,
    "grid.color": TEXT,
    "axes.edgecolor": TEXT,
    "axes.labelcolor": TEXT,
    "axes.titlecolor": TEXT,
    "text.color": TEXT,
    "xtick.color": TEXT,
    "ytick.color": TEXT,
}


def style(place: int) -> dict[str, Any]:
    """Color, dashes and marker of the `place`-th method. Neighbors differ in all three."""
    return {
        "color": _COLORS[place % len(_COLORS)],
        "linestyle": _DASHES[place % len(_DASHES)],
        "marker": _MARKERS[place % len(_MARKERS)],
    }


def learning_curves(panel: Panel, methods: Sequence[str], title: str) -> str:
    """Means over epochs with bands from the lowest to the highest run. `methods` fixes the styles."""
    with mpl.rc_context(LOOK):
        figure, axes = _canvas()
        for method, band in panel.items():
            look = style(methods.index(method))
            axes.fill_between(band.epochs, band.low, band.high, color=look["color"], alpha=0.18, linewidth=0)
            marker = look["marker"] if len(band.epochs) == 1 else None
            axes.plot(band.epochs, band.mean, **(look | {"marker": marker}), linewidth=1.8)
        axes.set(title=title, xlabel="epoch")
        _limit(axes, panel)
        _write_out(axes)
        return svg(figure, title)


def scatter(points: Points, methods: Sequence[str], *, x: str, y: str) -> str:
    """One marker a trial. `methods` fixes the styles."""
    with mpl.rc_context(LOOK):
        figure, axes = _canvas(_WIDE_FIGURE)
        for method, pairs in points.items():
            look = style(methods.index(method))
            across, up = zip(*pairs, strict=True)
            axes.scatter(across, up, s=34, color=look["color"], marker=look["marker"], alpha=0.85, linewidths=0)
        axes.set(xlabel=x, ylabel=y)
        _scale_axes(axes, points)
        return svg(figure, f"{y} against {x}")


def plane(found: Plane, methods: Sequence[str], *, x: str, y: str) -> str:
    """One marker a trial, hollow where it was stopped early, and a line through those that no other one beats.

    Args:
        found: the trials.
        methods: fixes the styles.
        x, y: what the axes are called.
    """
    with mpl.rc_context(LOOK):
        figure, axes = _canvas(_WIDE_FIGURE)
        if len(found.edge) > 1:
            across, up = zip(*found.edge, strict=True)
            steps = "steps-pre" if found.x_higher else "steps-post"  # around what one of them beats
            axes.plot(across, up, color=TEXT, linewidth=0.8, linestyle=(0, (4, 3)), alpha=0.6, drawstyle=steps)
        for points, hollow in ((found.stopped, True), (found.whole, False)):
            for method, pairs in points.items():
                look = style(methods.index(method))
                face = "none" if hollow else look["color"]
                across, up = zip(*pairs, strict=True)
                axes.scatter(
                    across, up, s=34, facecolors=face, edgecolors=look["color"], marker=look["marker"], alpha=0.8
                )
        axes.set(xlabel=x, ylabel=y)
        _scale_axes(axes, found.whole or found.stopped)
        return svg(figure, f"{y} against {x}, all trials")


def swatch(place: int, label: str) -> str:
    """The `place`-th method's line and marker, for a legend beside the figures. A page has each `label` once."""
    with mpl.rc_context(LOOK):
        figure = Figure(figsize=(0.5, 0.18))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        look = style(place)
        axes.plot([0, 1], [0.5, 0.5], color=look["color"], linestyle=look["linestyle"], linewidth=1.8)
        axes.plot([0.5], [0.5], color=look["color"], marker=look["marker"], markersize=6)
        return svg(figure, label)


def _canvas(size: tuple[float, float] = (4.2, 3.0)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.add_subplot()


def _scale_axes(axes: Axes, points: Points) -> None:
    flat = [pair for pairs in points.values() for pair in pairs]
    axes.set_xscale(_scale([pair[0] for pair in flat]))
    axes.set_yscale(_scale([pair[1] for pair in flat]))
    _write_out(axes)


def _limit(axes: Axes, panel: Panel) -> None:
    """Frame what comes after the first fifth: the first epochs would flatten all the rest."""
    last = max((band.epochs[-1] for band in panel.values() if band.epochs), default=0)
    shown = [
        value
        for band in panel.values()
        for epoch, low, high in zip(band.epochs, band.low, band.high, strict=True)
        for value in (low, high)
        if epoch > last / 5
    ]
    if not shown or min(shown) == max(shown):
        return
    axes.set_yscale(_scale(shown))
    if axes.get_yscale() == "linear":
        margin = 0.05 * (max(shown) - min(shown))
        axes.set_ylim(min(shown) - margin, max(shown) + margin)


def _write_out(axes: Axes) -> None:
    """Numbers on logarithmic axes as they are read: powers of ten would be written as unparsed mathematics."""
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            low, high = axis.get_view_interval()
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < _CROWDED * low else (1,)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())


def _scale(values: Sequence[float]) -> str:
    return "log" if min(values) > 0 and max(values) > _WIDE * min(values) else "linear"


def svg(figure: Figure, label: str) -> str:
    """The figure as an element of a page: no prolog, its own ids, its text in the page's color."""
    out = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(out, metadata=nothing)
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :].replace(TEXT, "currentColor")
    prefix = re.sub(r"\W+", "-", label)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)
