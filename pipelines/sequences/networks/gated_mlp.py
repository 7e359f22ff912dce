"""Two gated layers of 300 units on either side, all places at once."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from pipelines.networks.gated_mlp import Gated
from pipelines.sequences.domain import SequenceDomain
from pipelines.sequences.embedding import OneHot


@dataclass(frozen=True)
class GatedMLP(SequenceDomain):
    """The gated network of the images, on one-hot sequences: what a trial takes that names no network."""

    hidden: int = 300

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(
            OneHot(self.symbols),
            nn.Flatten(),
            Gated(self.length * self.symbols, self.hidden),
            Gated(self.hidden, self.hidden),
            nn.Linear(self.hidden, outputs),
        )

    def generator(self, code: int) -> nn.Module:
        return nn.Sequential(
            Gated(code, self.hidden),
            Gated(self.hidden, self.hidden),
            nn.Linear(self.hidden, self.length * self.symbols),
            nn.Unflatten(1, (self.length, self.symbols)),
        )
