"""Two hidden layers on either side, all places at once."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from pipelines.sequences.domain import SequenceDomain
from pipelines.sequences.embedding import Embedding

_FEATURES = 16
"""Of every symbol in the encoder, and of every place of a long sequence in the decoder."""


@dataclass(frozen=True)
class MLP(SequenceDomain):
    """Embedded symbols - 256 - 256 - code and back for short sequences, with 1024 units for long ones.

    The decoder sees the code alone. For long sequences a place has 32 features, which all places turn into scores by
    the same matrix; a matrix of its own for every place would hold most of the weights.
    """

    @property
    def hidden(self) -> int:
        return 256 if self.short else 1024

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(
            Embedding(self.symbols, _FEATURES),
            nn.Flatten(),
            nn.Linear(self.length * _FEATURES, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, outputs),
        )

    def generator(self, code: int) -> nn.Module:
        body = [nn.Linear(code, self.hidden), nn.ReLU(), nn.Linear(self.hidden, self.hidden), nn.ReLU()]
        if self.short:
            scores = nn.Linear(self.hidden, self.length * self.symbols)
            return nn.Sequential(*body, scores, nn.Unflatten(1, (self.length, self.symbols)))
        features = 2 * _FEATURES
        return nn.Sequential(
            *body,
            nn.Linear(self.hidden, self.length * features),
            nn.Unflatten(1, (self.length, features)),
            nn.ReLU(),
            nn.Linear(features, self.symbols),
        )
