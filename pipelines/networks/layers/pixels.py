"""What happens to pixels before the first layer."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn


class Signed(nn.Module):
    """2 x - 1: intensities in [0, 1] to [-1, 1]."""

    def forward(self, x: Float[Tensor, "B *event"]) -> Float[Tensor, "B *event"]:
        return 2 * x - 1
