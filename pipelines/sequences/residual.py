"""Fully connected layers that learn fast: each adds to what it is given, after that was normalized."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """x + relu(W norm(x) + b), with layer normalization (K. He et al. 2016; J. L. Ba et al. 2016)."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.norm, self.linear = nn.LayerNorm(units), nn.Linear(units, units)

    def forward(self, x: Float[Tensor, "*B units"]) -> Float[Tensor, "*B units"]:
        return x + F.relu(self.linear(self.norm(x)))


def residual(inputs: int, units: int, outputs: int) -> nn.Sequential:
    """inputs - units, normalized - `Residual` - outputs."""
    first = [nn.Linear(inputs, units), nn.LayerNorm(units), nn.ReLU()]
    return nn.Sequential(*first, Residual(units), nn.Linear(units, outputs))
