"""Sheets of images: rows and columns of them in one or several blocks, labeled, some framed."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.figures.look import BAD, canvas

_WIDTH = 6.5  # inches, a page's text
_WIDEST = 0.62  # inches, an image
_LINE = 0.16  # inches, a line of small text


@dataclass(frozen=True)
class Block:
    """Images in rows and columns.

    Attributes:
        images: values in [0, 1], one or three channels.
        heading: above the block.
        rows: labels at the left, one a row, or none.
        columns: labels below, one a column, or none.
        xlabel: below the labels of the columns.
        captions: a line below every image, row by row, or none.
        framed: (row, column) of images with a frame and a cross.
        divided: a line between the first column, what the others stem from, and the others.
    """

    images: Float[Tensor, "R C channels height width"]
    heading: str = ""
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    xlabel: str = ""
    captions: Sequence[str] = ()
    framed: Collection[tuple[int, int]] = ()
    divided: bool = False


def need_images(event: Sequence[int]) -> None:
    """Raises `BadInput` where data of this shape are no images."""
    if len(event) != 3 or event[0] not in (1, 3):
        raise BadInput(f"pictures need images of shape (1 or 3, height, width), got data of shape {tuple(event)}")


def sheet(title: str, *blocks: Block) -> Figure:
    """The blocks below each other. Images keep their shape, and the first block's width is that of all.

    Raises:
        BadInput: data that are no images.
    """
    for block in blocks:
        need_images(block.images.shape[2:])
    sizes = [_inches(block) for block in blocks]
    heights = [height for _, height in sizes]
    lines = title.count("\n") + 1
    figure = canvas(title, width=max(4.0, *(width for width, _ in sizes)), height=sum(heights) + 0.17 * lines + 0.2)
    grid = figure.add_gridspec(len(blocks), 1, height_ratios=heights)
    for place, block in enumerate(blocks):
        _draw(figure.add_subplot(grid[place]), block)
    return figure


def tiles(images: Float[Tensor, "R C channels height width"], below: int = 0) -> NDArray[np.float32]:
    """One picture (height, width) or (height, width, 3): white gutters of `gutter(width)` pixels around every image.

    Args:
        below: pixels of white below every image, beside the gutter.
    """
    rows, columns, channels, height, width = images.shape
    gap = gutter(width)
    page = images.new_ones(rows, columns, channels, height + gap + below, width + gap)
    page[..., :height, :width] = images
    page = page.permute(0, 3, 1, 4, 2).reshape(rows * (height + gap + below), columns * (width + gap), channels)
    framed = torch.nn.functional.pad(page, (0, 0, gap, 0, gap, 0), value=1.0)
    return framed.squeeze(2).detach().cpu().float().numpy()


def gutter(width: int) -> int:
    """Pixels between images that are `width` pixels wide."""
    return max(1, round(width / 14))


def _draw(axes: Axes, block: Block) -> None:
    rows, columns, _, height, width = block.images.shape
    gap, below = gutter(width), _below(block)
    axes.imshow(tiles(block.images, below), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    across = gap + np.arange(columns) * (width + gap) + (width - 1) / 2
    down = gap + np.arange(rows) * (height + gap + below) + (height - 1) / 2
    axes.set_xticks(across[: len(block.columns)], block.columns, fontsize=7)
    axes.set_yticks(down[: len(block.rows)], block.rows, fontsize=7)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(block.heading, fontsize=8.5)
    axes.set_xlabel(block.xlabel, fontsize=8)
    if block.divided:
        axes.axvline(across[0] + (width + gap) / 2, color="black", linewidth=1.5)
    for row, column in block.framed:
        _mark(axes, (across[column], down[row]), (width, height), gap)
    for place, caption in enumerate(block.captions):
        row, column = divmod(place, columns)
        axes.text(across[column], down[row] + height / 2 + below / 2, caption, fontsize=5.5, ha="center", va="center")


def _mark(axes: Axes, center: tuple[float, float], size: tuple[int, int], gap: int) -> None:
    """A frame around an image and a cross in its corner: color alone would say it to some readers only."""
    (x, y), (width, height) = center, size
    corner = (x - width / 2 - gap / 2, y - height / 2 - gap / 2)
    axes.add_patch(Rectangle(corner, width + gap, height + gap, fill=False, edgecolor=BAD, linewidth=1.8))
    at = x + width / 2 - width / 8, y - height / 2 + height / 8
    axes.plot(*at, marker="X", markersize=5, color=BAD, markeredgecolor="white", markeredgewidth=0.5)


def _below(block: Block) -> int:
    """Pixels for captions: a line of text is as high wherever the images are small or large."""
    if not block.captions:
        return 0
    return math.ceil(_LINE / _cell(block) * block.images.shape[-1])


def _cell(block: Block) -> float:
    """Width of an image, in inches."""
    return min(_WIDEST, _WIDTH / block.images.shape[1])


def _inches(block: Block) -> tuple[float, float]:
    """Width and height of the block with all its labels."""
    _, columns, _, height, width = block.images.shape
    pixel = _cell(block) / width
    picture_height, picture_width = (
        len(block.images) * (height + gutter(width) + _below(block)),
        columns * (width + gutter(width)),
    )
    words = sum(_LINE for text in (block.heading, block.columns, block.xlabel) if text)
    beside = 0.06 * max(map(len, block.rows), default=0)
    return picture_width * pixel + beside + 0.15, picture_height * pixel + words + 0.1
