"""Images decoded from codes that the prior draws."""

from __future__ import annotations

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from pipelines.figures.sheet import Block, need_images, sheet
from pipelines.figures.subject import Subject

_SIDE = 10


def of(subject: Subject) -> Figure:
    """100 draws from the method's own prior, or from the density that stands in for it. Labels, if any, take turns."""
    need_images(subject.dataset.event)
    prior = subject.method.prior() if subject.density is None else subject.density
    codes = prior.sample(torch.Size([_SIDE**2])).to(subject.device)
    images = subject.method.decode(codes, subject.labels(len(codes)))
    source = "the prior" if subject.density is None else f"the density {subject.density_name}"
    return draw(images, title=subject.named(f"Samples from {source}"))


def draw(images: Float[Tensor, "N *event"], *, title: str) -> Figure:
    """Ten a line, as many lines as are full.

    Raises:
        BadInput: data that are no images.
    """
    columns = min(_SIDE, len(images))
    return sheet(title, Block(images[: len(images) // columns * columns].unflatten(0, (-1, columns))))
