"""Intensities of eight bits."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.core.base import Decoder


class Logistic256(Decoder):
    """A logistic distribution cut into 256 bins, for 8-bit intensities: bin k holds x in [k/256, (k+1)/256).

    The data hold the bins' centres, (k + 1/2) / 256; x = 1 counts to the last bin. A learned scale for every value,
    shared by all images.

    Source: Kingma et al. 2016 (IAF), section 5.2; the VampPrior code's treatment of CIFAR-10 and Frey faces.

    Args:
        network: (B, code) -> (B, values).
        event: shape of an image.
    """

    def __init__(self, network: nn.Module, event: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.event = network, event
        self.log_scale = nn.Parameter(torch.full((math.prod(event),), -2.0))

    def log_prob(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        mean = self.network(z).sigmoid()
        scale = self.log_scale.clamp(-7, 2).exp()
        edge = torch.floor(x.flatten(1) * 256).clamp(max=255) / 256
        low, high = (edge - mean) / scale, (edge + 1 / 256 - mean) / scale
        # The outermost bins hold the tails, so that the 256 probabilities sum to one.
        low = low.masked_fill(edge <= 0, -torch.inf)
        high = high.masked_fill(edge >= 255 / 256, torch.inf)
        return _log_logistic_mass(low, high).sum(1)

    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        return self.network(z).sigmoid().unflatten(1, self.event)

    def sample(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        mean = self.network(z).sigmoid()
        uniform = torch.rand_like(mean).clamp(1e-6, 1 - 1e-6)
        drawn = mean + self.log_scale.clamp(-7, 2).exp() * uniform.logit()
        return ((drawn * 256).floor().clamp(0, 255) + 0.5).div(256).unflatten(1, self.event)


def _log_logistic_mass(low: Tensor, high: Tensor) -> Tensor:
    """log(sigmoid(high) - sigmoid(low)) for high > low, without cancellation.

    sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)); infinite edges leave one factor.
    """
    gap = (low - high).clamp(min=-80.0, max=-1e-7)
    return F.logsigmoid(high) + F.logsigmoid(-low) + torch.log(-torch.expm1(gap))
