"""Every term of the objective, and what was measured, over the epochs of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from methods.core.errors import BadInput
from pipelines.figures.look import COLORS, canvas, dress, plain_numbers, scale
from pipelines.figures.subject import Subject

_COLUMNS = 3

History = Sequence[Mapping[str, float]]
"""One entry a report: `epoch` and metrics by name, `train/<term>` and `valid/<metric>` among them."""


def of(subject: Subject) -> Figure:
    """The history of the subject.

    Raises:
        BadInput: nobody kept it.
    """
    if not subject.history:
        raise BadInput("the history of its training was not kept beside it, as a sweep does in record.json")
    return draw(subject.history, title=subject.named("Training"))


def draw(history: History, *, title: str) -> Figure:
    """A panel for each `train/` term and each `valid/` metric. An axis is logarithmic where values spread widely.

    Values that are not finite are gaps.

    Raises:
        BadInput: a history without terms or metrics.
    """
    names = list(dict.fromkeys(name for entry in history for name in entry))
    names = [name for part in ("train/", "valid/") for name in names if name.startswith(part)]
    if not names:
        raise BadInput("a history needs entries with train/ or valid/ values, and there are none")
    rows = math.ceil(len(names) / _COLUMNS)
    columns = min(_COLUMNS, len(names))
    figure = canvas(title, width=max(4.0, 2.3 * columns), height=1.7 * rows + 0.5)
    grid = figure.add_gridspec(rows, columns)
    for place, name in enumerate(names):
        _curve(figure.add_subplot(grid[divmod(place, columns)]), name, history)
    return figure


def _curve(axes: Axes, name: str, history: History) -> None:
    points = [(entry["epoch"], entry[name]) for entry in history if name in entry]
    color = COLORS[0] if name.startswith("train/") else COLORS[1]
    dress(axes, xlabel="epoch", ylabel="", title=name.replace("train/", "training: ").replace("valid/", "validation: "))
    axes.plot(*zip(*points, strict=True), color=color, linewidth=1.5, marker="o" if len(points) == 1 else None)
    axes.set_yscale(scale([value for _, value in points if math.isfinite(value)]))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    plain_numbers(axes)
