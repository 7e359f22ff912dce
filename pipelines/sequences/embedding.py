"""The first layer of encoders of sequences, and the last one of decoders."""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional as F


class Embedding(nn.Module):
    """A vector for every symbol: of one-hot or mixed symbols (B, length, symbols), or of their numbers (B, length).

    Numbers may be of any type: methods that keep training rows read them as they are stored.
    """

    def __init__(self, symbols: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(symbols, width))

    def forward(self, x: Shaped[Tensor, "B length *symbols"]) -> Float[Tensor, "B length width"]:
        return F.embedding(x.long(), self.weight) if x.ndim == 2 else x @ self.weight


class OneHot(nn.Module):
    """One-hot vectors as they are, or made of the numbers of symbols (B, length)."""

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.symbols = symbols

    def forward(self, x: Shaped[Tensor, "B length *symbols"]) -> Float[Tensor, "B length symbols"]:
        return F.one_hot(x.long(), self.symbols).float() if x.ndim == 2 else x
