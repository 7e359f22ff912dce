"""Prototypes and pseudo-inputs as images, and samples around each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor
from torch.distributions import MixtureSameFamily

from methods.core.errors import BadInput
from methods.core.gaussian_mixture import GaussianMixture
from methods.prototypical_vae import PrototypicalVAE
from methods.vamp_prior import VampPrior
from pipelines.figures.sheet import Block, need_images, sheet
from pipelines.figures.subject import Subject

_ROWS, _SAMPLES = 12, 9


def of(subject: Subject) -> Figure:
    """Decoded prototypes, or pseudo-inputs, with nine decoded draws of the prior's component around each.

    Of more than twelve, twelve at random.

    Raises:
        BadInput: the method has neither prototypes nor pseudo-inputs.
    """
    need_images(subject.dataset.event)
    what, images, means, scales = _components(subject)
    chosen = torch.randperm(len(means), device=means.device)[:_ROWS].sort().values
    around = means[chosen].unsqueeze(1).expand(-1, _SAMPLES, -1)
    codes = torch.normal(around, scales[chosen].unsqueeze(1).expand_as(around))
    samples = subject.method.decode(codes.flatten(0, 1)).unflatten(0, (-1, _SAMPLES))
    names = [f"{what} {number}" for number in chosen.tolist()]
    some = "" if len(chosen) == len(means) else f" ({len(chosen)} of {len(means)})"
    title = subject.named(f"{what.capitalize()}s and samples around them{some}")
    return draw(images[chosen], samples, names, title=title)


def draw(
    images: Float[Tensor, "K *event"], samples: Float[Tensor, "K n *event"], names: Sequence[str], *, title: str
) -> Figure:
    """A line for each: the image, then, beyond a bar, samples.

    Raises:
        BadInput: data that are no images.
    """
    together = torch.cat([images.unsqueeze(1), samples], 1)
    return sheet(title, Block(together, rows=names, divided=True))


def _components(subject: Subject) -> tuple[str, Tensor, Tensor, Tensor]:
    """What they are called, and images, means and standard deviations of all."""
    method = subject.method
    if isinstance(method, VampPrior):
        prior = cast(GaussianMixture, method.prior())
        return "pseudo-input", method.pseudo_inputs.clamp(0, 1), prior.means, prior.scales
    if isinstance(method, PrototypicalVAE):
        components = cast(MixtureSameFamily, method.prior()).component_distribution
        return "prototype", method.decode(components.mean), components.mean, components.stddev
    raise BadInput("the method has neither prototypes nor pseudo-inputs")
