"""The toy optimization as a picture: what was asked for, what was reached, and how fast."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, LogFormatter
from torch import Tensor

from lso.tasks.toy import THRESHOLDS, Result
from lso.tasks.toy_summary import ends, gaps

_COLUMNS = 10  # images shown
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito 2008
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def figure(result: Result, title: str) -> Figure:
    """Images above, curves below.

    Above: the first images, and what the codes from every start decode to that came to rest by the strictest rule.
    Below, on the left: mean loss by iteration, with a mark where each rule made codes rest, on average. Below, on the
    right: how far the ends of two starts are apart, by rule.
    """
    rows = 1 + len(result.settings.inits)
    whole = Figure(figsize=(10, 1.05 * rows + 4.6), layout="constrained")
    whole.suptitle(f"{title}\nnumbers: squared error of the image", fontsize=11)
    grid = whole.add_gridspec(2, 1, height_ratios=[1.05 * rows, 4])
    _images(whole.add_subfigure(grid[0]), result)
    left, right = whole.add_subfigure(grid[1]).subplots(1, 2, width_ratios=[3, 2])
    _curves(left, result)
    _distances(right, result)
    return whole


def _images(part: SubFigure, result: Result) -> None:
    labels = result.settings.labels()
    shown = min(_COLUMNS, len(result.index))
    losses = result.by_start(result.rests.losses)[:, :, -1]
    axes = part.subplots(1 + len(labels), _COLUMNS, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for m in range(shown):
        _draw(axes[0, m], result.targets[m])
        for i in range(len(labels)):
            _draw(axes[1 + i, m], result.decoded[i, m])
            axes[1 + i, m].set_title(f"{float(losses[i, m]):.3g}", fontsize=8, pad=2, color=_color(i))
    for row, name in enumerate(["target", *(f"from {label}" for label in labels)]):
        color = "black" if row == 0 else _color(row - 1)
        axes[row, 0].text(-0.15, 0.5, name, transform=axes[row, 0].transAxes, ha="right", va="center", color=color)


def _draw(ax: Axes, image: Float[Tensor, "channels height width"]) -> None:
    pixels = image.detach().cpu().clamp(0, 1).numpy()
    ax.imshow(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1), cmap="gray", vmin=0, vmax=1)


def _curves(ax: Axes, result: Result) -> None:
    labels = result.settings.labels()
    curve = result.rests.curve.cpu().unflatten(1, (len(labels), -1)).mean(2)
    iterations = result.rests.curve_iterations.cpu()
    found = ends(result)
    for i, label in enumerate(labels):
        ax.plot(iterations[1:], curve[1:, i], color=_color(i), label=f"from {label}")
        for t, end in enumerate(end for end in found if end.start == label):
            ax.plot(
                max(1, end.iterations), end.loss, _MARKERS[t], color=_color(i), markeredgecolor="black", markersize=6
            )
    for t, threshold in enumerate(THRESHOLDS):
        ax.plot([], [], _MARKERS[t], color="white", markeredgecolor="black", label=f"at rest by {threshold:g}")
    ax.axhline(result.controls["mean_image"], color="gray", linestyle=":", label="mean image")
    ax.set(xscale="log", yscale="log", xlabel="iteration", ylabel="squared error of an image, mean")
    _plain(ax.yaxis)
    ax.set_title("Loss, and where the stop rules end it", fontsize=10)
    ax.legend(fontsize=7, ncols=2)


def _distances(ax: Axes, result: Result) -> None:
    labels = result.settings.labels()
    found = gaps(result)
    ticks = range(len(THRESHOLDS))
    for k, (first, second) in enumerate(combinations(labels, 2)):
        values = [gap.distance for gap in found if gap.starts == f"{first}-{second}"]
        ax.plot(ticks, values, f"{_MARKERS[k % len(_MARKERS)]}-", color=_color(k + 3), label=f"{first} and {second}")
    ax.set_xticks(ticks, [f"{threshold:g}" for threshold in THRESHOLDS])
    ax.set(yscale="log", xlabel="threshold of the stop rule", ylabel="squared distance of end codes, mean")
    _plain(ax.yaxis)
    ax.set_title("Distance between the ends of two starts", fontsize=10)
    ax.grid(axis="y", alpha=0.3)
    if found:
        ax.legend(fontsize=7)


def _plain(axis: Axis) -> None:
    """20 instead of 2 x 10^1."""
    axis.set_major_formatter(FuncFormatter("{:g}".format))
    axis.set_minor_formatter(LogFormatter(minor_thresholds=(2, 0.6)))


def _color(number: int) -> str:
    return _COLORS[number % len(_COLORS)]
