"""Values with Gaussian noise of a fixed variance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.core.base import Decoder


class Gaussian(Decoder):
    """N(mean, 1/2) over every value, the mean squashed to [0, 1].

    With variance 1/2, -log p is the sum of squared errors plus a constant, (values / 2) log pi.

    Args:
        network: (B, code) -> (B, values).
        event: shape of an image.
    """

    def __init__(self, network: nn.Module, event: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.event = network, event

    def log_prob(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        error = (x - self.mean(z)).flatten(1).square()
        return -(error + 0.5 * math.log(math.pi)).sum(1)

    def log_prob_of_each(self, x: Float[Tensor, "B k *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, "B k"]:
        error = (x - self.mean(z).unsqueeze(1)).flatten(2).square()
        return -(error + 0.5 * math.log(math.pi)).sum(2)

    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        return self.network(z).sigmoid().unflatten(1, self.event)

    def sample(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        mean = self.mean(z)
        return mean + math.sqrt(0.5) * torch.randn_like(mean)
