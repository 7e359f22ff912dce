"""Values that are 0 or 1."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.core.base import Decoder


class Bernoulli(Decoder):
    """Bernoulli over every value. For grey values it is the usual cross-entropy, which is no normalized density.

    Args:
        network: (B, code) -> (B, values) logits.
        event: shape of an image.
    """

    def __init__(self, network: nn.Module, event: tuple[int, ...]) -> None:
        super().__init__()
        self.network, self.event = network, event

    def log_prob(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        logits = self.network(z)
        return -F.binary_cross_entropy_with_logits(logits, x.flatten(1), reduction="none").sum(1)

    def log_prob_of_each(self, x: Float[Tensor, "B k *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, "B k"]:
        logits = self.network(z)
        return (x.flatten(2) * logits.unsqueeze(1)).sum(2) - F.softplus(logits).sum(1, keepdim=True)

    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        return self.network(z).sigmoid().unflatten(1, self.event)

    def sample(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        return torch.bernoulli(self.mean(z))
