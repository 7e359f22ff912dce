"""Mixtures of very many Gaussians, evaluated by matrix products."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, constraints

_ENTRIES = 2**26  # of the (rows, K) matrix at a time: 256 MiB in float32


class GaussianMixture(Distribution):
    """sum_k weights_k N(means_k, diag scales_k^2).

    The squared distances of B codes to K components are two matrix products, so 50,000 exemplars cost B x K numbers
    and not B x K x latent.

    Args:
        log_weights: (K,), normalized.
        means: (K, latent).
        scales: (K, latent), or (1, latent) where all components share one.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    has_rsample = False

    def __init__(
        self,
        log_weights: Float[Tensor, " K"],
        means: Float[Tensor, "K latent"],
        scales: Float[Tensor, "K_or_one latent"],
    ) -> None:
        self.log_weights, self.means, self.scales = log_weights, means, scales
        super().__init__(torch.Size(), means.shape[-1:], validate_args=False)

    def component_log_prob(self, z: Float[Tensor, "B latent"]) -> Float[Tensor, "B K"]:
        """log N(z; means_k, diag scales_k^2) of every code under every component."""
        # Around the means' center, where the expanded square cancels least.
        center = self.means.detach().mean(0)
        z, means = z - center, self.means - center
        precision = self.scales.square().reciprocal()
        weighted = means * precision
        squares = z.square() @ precision.mT - 2 * z @ weighted.mT + (means * weighted).sum(-1)
        volume = self.scales.log().sum(-1) + 0.5 * means.shape[-1] * math.log(2 * math.pi)
        return -0.5 * squares.clamp_min(0) - volume

    def log_prob(self, value: Float[Tensor, "*B latent"]) -> Float[Tensor, "*B"]:
        rows = max(1, _ENTRIES // len(self.means))
        flat = value.reshape(-1, value.shape[-1])
        parts = [torch.logsumexp(self.log_weights + self.component_log_prob(z), -1) for z in flat.split(rows)]
        return torch.cat(parts).reshape(value.shape[:-1])

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = torch.Size()) -> Tensor:  # noqa: B008
        with torch.no_grad():
            chosen = self.sample_components(math.prod(sample_shape))
            means = self.means[chosen]
            scales = self.scales.expand_as(self.means)[chosen]
            return torch.normal(means, scales).reshape(self._extended_shape(torch.Size(sample_shape)))

    def sample_components(self, count: int) -> Int[Tensor, " count"]:
        """Components drawn by their weights, with replacement."""
        return torch.multinomial(self.log_weights.exp(), count, replacement=True)

    @property
    def mean(self) -> Tensor:
        return self.log_weights.exp() @ self.means
