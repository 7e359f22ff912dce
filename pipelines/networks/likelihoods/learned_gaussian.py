"""Values with Gaussian noise of one learned variance."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.core.base import Decoder


class LearnedGaussian(Decoder):
    """N(mean, gamma^2) over every value, the mean squashed to [0, 1]; gamma is one number for all values of all images.

    -log p = sum of squared errors / (2 gamma^2) + values (log gamma + log(2 pi) / 2). At its optimum gamma^2 is the
    mean squared error, so a rate that is added to -log p weighs more and more as reconstructions improve: gamma and a
    `beta` are confounded, so fix one of them. Training drives gamma to 0 where codes say everything of the data.

    Source: Dai and Wipf 2019, section 4, whose code starts at gamma = 1.

    Args:
        network: (B, code) -> (B, values).
        event: shape of an image.
    """

    def __init__(self, network: nn.Module, event: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.event = network, event
        self.log_gamma = nn.Parameter(torch.zeros(()))

    def log_prob(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        return self.log_prob_of_each(x.unsqueeze(1), z).squeeze(1)

    def log_prob_of_each(self, x: Float[Tensor, "B k *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, "B k"]:
        errors = (x - self.mean(z).unsqueeze(1)).flatten(2).square().sum(2)
        constant = math.prod(self.event) * (self.log_gamma + 0.5 * math.log(2 * math.pi))
        return -0.5 * errors * (-2 * self.log_gamma).exp() - constant

    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        return self.network(z).sigmoid().unflatten(1, self.event)

    def sample(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        mean = self.mean(z)
        return mean + self.log_gamma.exp() * torch.randn_like(mean)
