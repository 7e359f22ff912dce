"""Training images whose codes make up the prior, and samples around each."""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from methods.core.errors import BadInput
from methods.core.gaussian_mixture import GaussianMixture
from methods.exemplar_vae import ExemplarVAE
from methods.hub_vae import HubVAE
from pipelines.figures.sheet import Block, need_images, sheet
from pipelines.figures.subject import Subject

_ROWS, _SAMPLES = 10, 9


def of(subject: Subject) -> Figure:
    """Ten random exemplars (of Hub-VAE: hubs of its pool), with nine decoded draws of N(mu(x), sigma^2 I) each.

    Raises:
        BadInput: the prior is not made of training rows.
    """
    need_images(subject.dataset.event)
    method = subject.method
    rows = _rows(subject)
    prior = cast(GaussianMixture, method.prior())
    chosen = torch.randperm(len(rows), device=rows.device)[:_ROWS].sort().values
    around = prior.means[chosen].unsqueeze(1).expand(-1, _SAMPLES, -1)
    codes = torch.normal(around, prior.scales.expand_as(around[:, 0]).unsqueeze(1).expand_as(around))
    images = subject.dataset.data.train.grey[rows[chosen].cpu()].to(subject.device)
    samples = method.decode(codes.flatten(0, 1)).unflatten(0, (-1, _SAMPLES))
    what = "hub" if isinstance(method, HubVAE) else "exemplar"
    title = subject.named(f"Samples around {len(chosen)} of {len(rows):,} {what}s")
    return draw(images, samples, what, title=title)


def draw(
    exemplars: Float[Tensor, "K *event"], samples: Float[Tensor, "K n *event"], name: str, *, title: str
) -> Figure:
    """A line for each: the training image, in a column called `name`, then, beyond a bar, samples.

    Raises:
        BadInput: data that are no images.
    """
    together = torch.cat([exemplars.unsqueeze(1), samples], 1)
    return sheet(title, Block(together, columns=[name], divided=True))


def _rows(subject: Subject) -> Int[Tensor, " m"]:
    """Training rows in the order of the prior's components."""
    method = subject.method
    if isinstance(method, HubVAE):
        return method.pool[: int(method.pool_size)]
    if isinstance(method, ExemplarVAE):
        return torch.arange(len(method.means), device=subject.device)
    raise BadInput("the prior is not made of training rows")
