"""One latent dimension after the other moved, all others at rest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from methods.core.product import Product
from methods.ne_vae import NEVAE
from pipelines.figures.interpolations import need_continuous
from pipelines.figures.sheet import Block, need_images, sheet
from pipelines.figures.subject import Subject, is_standard_normal

_DIMENSIONS, _STEPS, _ROWS = 10, 11, 2000
_REACH, _REACH_OF_NE_VAE = 3.0, 10.0


def of(subject: Subject) -> Figure:
    """The ten dimensions that vary most over the test codes, from the code of a test image.

    Values are from -3 to 3, or from -10 to 10 for NE-VAE, as in its paper. Where the prior is not N(0, I), they are in
    standard deviations around the mean of the test codes. One-hot dimensions are left out.

    Raises:
        BadInput: data that are no images, or codes from a finite set.
    """
    need_images(subject.dataset.event)
    need_continuous(subject.method)
    prior = subject.method.prior()
    codes, _ = subject.test_codes(_ROWS)
    base = subject.rows(1)
    numbers = most_varying(codes[:, : _continuous(prior)], _DIMENSIONS)
    reach = _REACH_OF_NE_VAE if isinstance(subject.method, NEVAE) else _REACH
    steps = torch.linspace(-reach, reach, _STEPS, device=codes.device)
    absolute = is_standard_normal(prior.parts[0] if isinstance(prior, Product) else prior)
    scales = torch.ones_like(codes[0]) if absolute else codes.std(0)
    start = torch.zeros_like(codes[0]) if absolute else codes.mean(0)
    moved = traversed(subject.method.posterior(base.x, base.y).mean[0], numbers, start + steps.unsqueeze(1) * scales)
    labels = None if base.y is None else base.y.expand(len(numbers) * _STEPS)
    images = subject.method.decode(moved.flatten(0, 1), labels).unflatten(0, (-1, _STEPS))
    unit = "value of the dimension" if absolute else "distance from the mean code, in standard deviations of codes"
    title = subject.named(f"The {len(numbers)} most active dimensions, from one test code")
    return draw(images, numbers.tolist(), steps.tolist(), xlabel=unit, title=title)


def draw(
    images: Float[Tensor, "D steps *event"],
    dimensions: Sequence[int],
    steps: Sequence[float],
    *,
    xlabel: str,
    title: str,
) -> Figure:
    """A line for each dimension, a column for each step.

    Raises:
        BadInput: data that are no images.
    """
    columns = [f"{round(step, 6) + 0.0:.3g}" for step in steps]
    return sheet(title, Block(images, rows=[f"z{number}" for number in dimensions], columns=columns, xlabel=xlabel))


def most_varying(codes: Float[Tensor, "N latent"], count: int) -> Int[Tensor, " D"]:
    """Dimensions by the variance of the codes, the largest first."""
    return codes.var(0, correction=0).argsort(descending=True, stable=True)[:count]


def traversed(
    code: Float[Tensor, " latent"], dimensions: Int[Tensor, " D"], values: Float[Tensor, "steps latent"]
) -> Float[Tensor, "D steps latent"]:
    """`code` with one dimension at a time set to that dimension's values."""
    moved = code.expand(len(dimensions), len(values), -1)
    here = torch.nn.functional.one_hot(dimensions, len(code)).bool().unsqueeze(1)
    return torch.where(here, values, moved)


def _continuous(prior: torch.distributions.Distribution) -> int:
    """How many dimensions, counted from the first, are numbers and no category."""
    return sum(prior.sizes[:-1]) if isinstance(prior, Product) else int(prior.event_shape[0])
