"""Convolutions and three recurrent layers: the networks of the grammar variational autoencoder."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from pipelines.sequences.domain import SequenceDomain
from pipelines.sequences.embedding import OneHot


class _Places(nn.Module):
    """(B, length, symbols) to (B, symbols, length), as convolutions take them."""

    def forward(self, x: Float[Tensor, "B length symbols"]) -> Float[Tensor, "B symbols length"]:
        return x.transpose(1, 2)


class Recurrent(nn.Module):
    """The code at every place of the input of three GRU layers, and a linear layer to scores."""

    def __init__(self, code: int, hidden: int, length: int, symbols: int) -> None:
        super().__init__()
        self.length = length
        self.gru = nn.GRU(code, hidden, num_layers=3, batch_first=True)
        self.scores = nn.Linear(hidden, symbols)

    def forward(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B length symbols"]:
        hidden, _ = self.gru(z.unsqueeze(1).expand(-1, self.length, -1))
        return self.scores(hidden)


@dataclass(frozen=True)
class GRU(SequenceDomain):
    """The original's sizes for short and for long sequences.

    Expressions: 2, 3 and 4 filters of these widths with batch norm, 100 units; batch norm, a layer as wide as the code,
    3 GRU of 100. Molecules: 9, 9 and 10 filters of widths 9, 9 and 11, 435 units; a layer as wide as the code, 3 GRU of
    501.

    The recurrent layers see the code at every step and not what they have written.

    Source: Kusner et al. 2017, `models/model_eq.py` and `models/model_zinc.py` of the authors' code.
    """

    def encoder(self, outputs: int) -> nn.Module:
        sizes = [(2, 2), (3, 3), (4, 4)] if self.short else [(9, 9), (9, 9), (10, 11)]
        layers: list[nn.Module] = [OneHot(self.symbols), _Places()]
        channels, places = self.symbols, self.length
        for filters, width in sizes:
            layers += [nn.Conv1d(channels, filters, width), nn.ReLU()]
            layers += [nn.BatchNorm1d(filters)] if self.short else []
            channels, places = filters, places - width + 1
        units = 100 if self.short else 435
        head = [nn.Linear(channels * places, units), nn.ReLU(), nn.Linear(units, outputs)]
        return nn.Sequential(*layers, nn.Flatten(), *head)

    def generator(self, code: int) -> nn.Module:
        start = [nn.BatchNorm1d(code)] if self.short else []
        hidden = 100 if self.short else 501
        recurrent = Recurrent(code, hidden, self.length, self.symbols)
        return nn.Sequential(*start, nn.Linear(code, code), nn.ReLU(), recurrent)
