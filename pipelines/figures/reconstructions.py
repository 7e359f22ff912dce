"""Test images above their reconstructions."""

from __future__ import annotations

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from pipelines.figures.sheet import Block, sheet
from pipelines.figures.subject import Subject

_COLUMNS = 10


def of(subject: Subject) -> Figure:
    """30 images as the likelihood sees them, and E[x|z] at the means of their codes."""
    batch = subject.rows(3 * _COLUMNS)
    codes = subject.method.posterior(batch.x, batch.y).mean
    title = subject.named("Test images and their reconstructions")
    return draw(batch.x, subject.method.decode(codes, batch.y), title=title)


def draw(data: Float[Tensor, "N *event"], reconstructions: Float[Tensor, "N *event"], *, title: str) -> Figure:
    """Ten pairs a line, each image above its reconstruction; what does not fill a line is left out.

    Raises:
        BadInput: data that are no images.
    """
    columns = min(_COLUMNS, len(data))
    pairs = torch.stack([_lines(data, columns), _lines(reconstructions, columns)], 1).flatten(0, 1)
    return sheet(title, Block(pairs, rows=["data", "model"] * (len(pairs) // 2)))


def _lines(images: Float[Tensor, "N *event"], columns: int) -> Float[Tensor, "lines columns *event"]:
    return images[: len(images) // columns * columns].unflatten(0, (-1, columns))
