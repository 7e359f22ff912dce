"""Codes from a finite set: at every position one of K vectors, side by side.

Vectors are rows of one (K, latent) matrix. Position p owns the dimensions where `owners(latent, positions)` is p, and
its k-th vector is row k there.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints
from torch.nn import functional as F

from methods.core.distributions import Dirac


def owners(latent: int, positions: int) -> Int[Tensor, " latent"]:
    """The position that every dimension belongs to. Positions own as many dimensions as each other, or one more.

    >>> owners(5, 2).tolist()
    [0, 0, 0, 1, 1]
    """
    return torch.arange(latent) * positions // latent


def nearest(
    z: Float[Tensor, "B latent"], vectors: Float[Tensor, "K latent"], owner: Int[Tensor, " latent"], positions: int
) -> Int[Tensor, "B positions"]:
    """The number of the vector with the smallest squared distance, at every position."""
    members = F.one_hot(owner, positions).to(z.dtype).mT
    products = (z.unsqueeze(1) * members) @ vectors.mT  # (B, positions, K)
    return (members @ vectors.square().mT - 2 * products).argmin(2)


def looked_up(
    index: Int[Tensor, "B positions"], vectors: Float[Tensor, "K latent"], owner: Int[Tensor, " latent"]
) -> Float[Tensor, "B latent"]:
    """The codes that the numbers stand for."""
    return vectors.gather(0, index[:, owner])


class Certain(Dirac):
    """All probability on one code of a finite set, so `log_prob` is 0 there."""

    def log_prob(self, value: Float[Tensor, "*B latent"]) -> Float[Tensor, "*B"]:
        same = (value == self.location).all(-1)
        return torch.zeros_like(value[..., 0]).masked_fill(~same, -torch.inf)


class Codebook(Distribution):
    """Codes whose vectors are drawn independently at every position. `log_prob` is of the nearest code.

    Args:
        log_probabilities: (positions, K), normalized over K.
        vectors: (K, latent).
        owner: of every dimension.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(
        self,
        log_probabilities: Float[Tensor, "positions K"],
        vectors: Float[Tensor, "K latent"],
        owner: Int[Tensor, " latent"],
    ) -> None:
        self.log_probabilities, self.vectors, self.owner = log_probabilities, vectors, owner
        super().__init__(torch.Size(), vectors.shape[-1:], validate_args=False)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = torch.Size()) -> Tensor:  # noqa: B008
        shape = torch.Size(sample_shape)
        with torch.no_grad():
            index = Categorical(logits=self.log_probabilities, validate_args=False).sample(shape)
            return looked_up(index.reshape(-1, index.shape[-1]), self.vectors, self.owner).reshape(*shape, -1)

    def log_prob(self, value: Float[Tensor, "*B latent"]) -> Float[Tensor, "*B"]:
        flat = value.reshape(-1, value.shape[-1])
        index = nearest(flat, self.vectors, self.owner, len(self.log_probabilities))
        return self.log_probabilities.mT.gather(0, index).sum(1).reshape(value.shape[:-1])
