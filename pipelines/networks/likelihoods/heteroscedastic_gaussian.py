"""Values with Gaussian noise whose variance the network tells for every one of them."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.core.base import Decoder

FINEST = 2 * math.log(1 / 256)  # a log-variance: data of eight bits know no finer noise than a step


class HeteroscedasticGaussian(Decoder):
    """N(mean, variance) with both from the network, the mean squashed to [0, 1].

    The standard deviation is kept between 1/256, the step of 8-bit data, below which the density of values that never
    change would grow without bound, and e.

    Source: Kingma and Welling 2014, appendix C.2; the VampPrior code's decoder of grey values.

    Args:
        network: (B, code) -> (B, 2 * values): the means' logits, then log-variances.
        event: shape of an image.
    """

    def __init__(self, network: nn.Module, event: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.event = network, event

    def log_prob(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        return self.log_prob_of_each(x.unsqueeze(1), z).squeeze(1)

    def log_prob_of_each(self, x: Float[Tensor, "B k *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, "B k"]:
        mean, log_variance = (values.unsqueeze(1) for values in self._mean_and_log_variance(z))
        errors = (x.flatten(2) - mean).square() * (-log_variance).exp()
        return -0.5 * (errors + log_variance + math.log(2 * math.pi)).sum(2)

    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        return self._mean_and_log_variance(z)[0].unflatten(1, self.event)

    def sample(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        mean, log_variance = self._mean_and_log_variance(z)
        return (mean + (0.5 * log_variance).exp() * torch.randn_like(mean)).unflatten(1, self.event)

    def _mean_and_log_variance(
        self, z: Float[Tensor, "B code"]
    ) -> tuple[Float[Tensor, "B values"], Float[Tensor, "B values"]]:
        logits, log_variance = self.network(z).chunk(2, 1)
        return logits.sigmoid(), log_variance.clamp(FINEST, 2)
