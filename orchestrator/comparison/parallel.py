"""Parallel coordinates: every trial of a search as a line over its settings and what came of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from orchestrator.comparison.figures import LOOK, TEXT, svg
from orchestrator.comparison.tried import Setting, Tried
from orchestrator.definition.objectives import Objectives

_BEST = "#0072B2"
_LEAST = 4  # trials


def drawable(found: Tried) -> bool:
    """Whether there are enough trials, and something that differs between them."""
    return len(found.trials) >= _LEAST and bool(found.settings) and bool(found.best)


def parallel(found: Tried, goals: Objectives, label: str) -> str:
    """The figure as inline SVG: the best trials in color, those that were stopped early dotted, up to the last setting.

    Args:
        found: the trials.
        goals: the study's metrics, on the last axes.
        label: says what it is; a page has each once.
    """
    with mpl.rc_context(LOOK):
        figure = Figure(figsize=(max(5.0, 1.25 * (len(found.settings) + len(goals))), 3), layout="constrained")
        axes = figure.add_subplot()
        axes.set_axis_off()
        results = [[result[place] for result in found.results if result] for place in range(len(goals))]
        columns = [*found.settings, *(Setting(g.metric, tuple(r), False) for g, r in zip(goals, results, strict=True))]
        scales = [_Scale(column) for column in columns]
        for place in sorted(range(len(found.trials)), key=lambda place: place in found.best):
            _draw(axes, found, place, scales)
        for place, (column, scale) in enumerate(zip(columns, scales, strict=True)):
            _axis(axes, place, column.name, scale)
        axes.set(xlim=(-0.4, len(columns) - 0.4), ylim=(-0.24, 1.14))
        return svg(figure, label)


class _Scale:
    """Heights on an axis: 0 the lowest value, 1 the highest."""

    def __init__(self, column: Setting) -> None:
        self._choices, self._log = column.choices, column.log
        self._ends = (0.0, 1.0)
        if not self._choices:
            numbers = [self._number(value) for value in column.values]
            self._ends = min(numbers), max(numbers)

    def __call__(self, value: float | str) -> float:
        if self._choices:
            return self._choices.index(str(value)) / max(1, len(self._choices) - 1)
        low, high = self._ends
        return (self._number(value) - low) / (high - low) if high > low else 0.5

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Heights that have a text beside them: choices, or below and above the axis its ends."""
        if self._choices:
            return [(self(choice), choice) for choice in self._choices]
        low, high = (math.exp(end) if self._log else end for end in self._ends)
        return [(-0.06, f"{low:.3g}"), (1.06, f"{high:.3g}")]

    def _number(self, value: float | str) -> float:
        return math.log(float(value)) if self._log else float(value)


def _draw(axes: Axes, found: Tried, place: int, scales: Sequence[_Scale]) -> None:
    result, best = found.results[place], place in found.best
    values = [*(setting.values[place] for setting in found.settings), *(result or ())]
    heights = [scale(value) for scale, value in zip(scales, values, strict=False)]
    axes.plot(
        range(len(heights)),
        heights,
        color=_BEST if best else TEXT,
        linewidth=1.8 if best else 1.0,
        alpha=0.9 if best else 0.3,
        linestyle="-" if result else ":",
    )


def _axis(axes: Axes, place: int, name: str, scale: _Scale) -> None:
    axes.plot([place, place], [0, 1], color=TEXT, linewidth=1)
    axes.text(place, -0.14, name, ha="center", va="top", fontsize=9)
    for height, text in scale.marks:
        if 0 <= height <= 1:  # a choice: above the point in which lines meet
            axes.text(place + 0.03, height + 0.01, text, ha="left", va="bottom", fontsize=8)
        else:
            axes.text(place, height, text, ha="center", va="center", fontsize=8)
