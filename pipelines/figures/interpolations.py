"""Ways between the codes of two images, straight and around."""

from __future__ import annotations

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from methods.core.base import Method
from methods.core.errors import BadInput
from methods.vq_vae import VQVAE
from pipelines.figures.sheet import Block, sheet
from pipelines.figures.subject import Subject

_PAIRS, _STEPS = 5, 11


def of(subject: Subject) -> Figure:
    """Five pairs of test images and eleven decoded steps between the means of their codes, both ways.

    Methods that are given a class get the nearer image's.

    Raises:
        BadInput: data that are no images, fewer than two rows, or codes from a finite set.
    """
    need_continuous(subject.method)
    batch = subject.rows(2 * _PAIRS)
    if len(batch) < 2:
        raise BadInput(f"interpolations need at least 2 test rows, got {len(batch)}")
    codes, pairs = subject.method.posterior(batch.x, batch.y).mean, len(batch) // 2
    codes, ends = codes[: 2 * pairs].unflatten(0, (-1, 2)), batch.grey[: 2 * pairs].unflatten(0, (-1, 2))
    share = torch.linspace(0, 1, _STEPS, device=codes.device)
    labels = None if batch.y is None else batch.y[: 2 * pairs].unflatten(0, (-1, 2))[:, (share > 0.5).long()].flatten()
    ways = [way(codes[:, 0], codes[:, 1], share).flatten(0, 1) for way in (linear, spherical)]
    straight, around = [subject.method.decode(way, labels).unflatten(0, (-1, _STEPS)) for way in ways]
    return draw(ends, straight, around, title=subject.named("Interpolations between test images"))


def draw(
    ends: Float[Tensor, "P 2 *event"],
    straight: Float[Tensor, "P steps *event"],
    around: Float[Tensor, "P steps *event"],
    *,
    title: str,
) -> Figure:
    """Two blocks with a line for each pair: one image of the data, the steps, the other image.

    Raises:
        BadInput: data that are no images.
    """
    steps = straight.shape[1]
    columns = ["data", *(f"{step / max(steps - 1, 1):.2g}" for step in range(steps)), "data"]
    blocks = [
        Block(torch.cat([ends[:, :1], way, ends[:, 1:]], 1), heading, columns=columns)
        for way, heading in ((straight, "Linear"), (around, "Spherical"))
    ]
    return sheet(title, *blocks)


def linear(
    a: Float[Tensor, "P latent"], b: Float[Tensor, "P latent"], share: Float[Tensor, " steps"]
) -> Float[Tensor, "P steps latent"]:
    """(1 - t) a + t b at every share t."""
    return torch.lerp(a.unsqueeze(1), b.unsqueeze(1), share.view(1, -1, 1))


def spherical(
    a: Float[Tensor, "P latent"], b: Float[Tensor, "P latent"], share: Float[Tensor, " steps"]
) -> Float[Tensor, "P steps latent"]:
    """[sin((1 - t) w) a + sin(t w) b] / sin(w), w the angle between a and b; `linear` where they point the same way or
    opposite ways, and the arc is none or not the only one.

    Source: White 2016, section 2.1.
    """
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1)
    angle = cosine.acos().view(-1, 1, 1)
    t, sine = share.view(1, -1, 1), angle.sin()
    arc = (((1 - t) * angle).sin() * a.unsqueeze(1) + (t * angle).sin() * b.unsqueeze(1)) / sine
    return torch.where(sine < 1e-3, linear(a, b, share), arc)


def need_continuous(method: Method) -> None:
    """Raises `BadInput` where codes are from a finite set, and nothing is between them."""
    if isinstance(method, VQVAE):
        raise BadInput("its codes are from a finite set, with nothing between them")
