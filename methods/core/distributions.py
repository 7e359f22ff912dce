"""Posteriors and priors over codes, as `torch.distributions`.

All have event shape (latent,), so `log_prob` returns one number, in nats, for each code.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    Normal,
    constraints,
)

_LOG_VARIANCE = 10.0  # exp(±10) spans every width of use and keeps float32 sums finite


def gaussian(statistics: Float[Tensor, "*B two_latent"]) -> Independent:
    """N(mean, diag variance) from a network's output: the first half means, the second log-variances.

    Log-variances are limited to ±10.
    """
    mean, log_variance = statistics.chunk(2, dim=-1)
    scale = (0.5 * log_variance.clamp(-_LOG_VARIANCE, _LOG_VARIANCE)).exp()
    return Independent(Normal(mean, scale), 1)


def standard_normal(latent: int, *, like: Tensor) -> Independent:
    """N(0, I) with `latent` dimensions, of the type and on the device of `like`."""
    return Independent(Normal(like.new_zeros(latent), like.new_ones(latent)), 1)


def mixture(
    weights: Float[Tensor, " K"], means: Float[Tensor, "K latent"], scale: Float[Tensor, ""] | float
) -> MixtureSameFamily:
    """sum_k weights_k N(means_k, scale^2 I)."""
    scale = torch.as_tensor(scale, dtype=means.dtype, device=means.device)
    components = Independent(Normal(means, scale.expand_as(means)), 1)
    return MixtureSameFamily(Categorical(probs=weights), components)


class Dirac(Distribution):
    """All mass on one code: the posterior of a deterministic autoencoder. It has no density.

    Args:
        location: (B, latent) codes.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {"location": constraints.real_vector}
    has_rsample = True

    def __init__(self, location: Float[Tensor, "*B latent"]) -> None:
        self.location = location
        super().__init__(location.shape[:-1], location.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.location

    @property
    def variance(self) -> Tensor:
        return torch.zeros_like(self.location)

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = torch.Size()) -> Tensor:  # noqa: B008
        return self.location.expand(self._extended_shape(torch.Size(sample_shape)))
