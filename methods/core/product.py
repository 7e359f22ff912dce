"""Codes whose parts are of different kinds: numbers in some dimensions, a category in others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, OneHotCategoricalStraightThrough, constraints
from torch.nn import functional as F


class Product(Distribution):
    """Independent distributions side by side: codes are the concatenation of theirs, log-densities the sum.

    Args:
        parts: each with event shape (its share of latent,), a mean, a variance and a log_prob; equal batch shapes.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = True

    def __init__(self, parts: Sequence[Distribution]) -> None:
        self.parts = tuple(parts)
        self.sizes = [part.event_shape[0] for part in self.parts]
        super().__init__(self.parts[0].batch_shape, torch.Size([sum(self.sizes)]), validate_args=False)

    @property
    def mean(self) -> Tensor:
        return torch.cat([part.mean for part in self.parts], -1)

    @property
    def variance(self) -> Tensor:
        return torch.cat([part.variance for part in self.parts], -1)

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = torch.Size()) -> Tensor:  # noqa: B008
        return torch.cat([part.rsample(torch.Size(sample_shape)) for part in self.parts], -1)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = torch.Size()) -> Tensor:  # noqa: B008
        return torch.cat([part.sample(torch.Size(sample_shape)) for part in self.parts], -1)

    def log_prob(self, value: Float[Tensor, "*B latent"]) -> Float[Tensor, "*B"]:
        split = value.split(self.sizes, -1)
        return torch.stack([part.log_prob(z) for part, z in zip(self.parts, split, strict=True)]).sum(0)


class Category(OneHotCategoricalStraightThrough):
    """One of K categories, as a code with a one at its place. `log_prob` takes the largest entry as the category.

    The `mean`, which represents a datum, is a code as well: the most probable category.
    """

    @property
    def mean(self) -> Tensor:
        return F.one_hot(self.logits.argmax(-1), self.logits.shape[-1]).to(self.logits)


def category(logits: Float[Tensor, "*B K"]) -> Category:
    """A category from a network's output: logarithms of probabilities, up to a constant."""
    return Category(logits=logits, validate_args=False)
