"""A decoder that sees what it has written: a plan of all places, and a GRU that follows it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from methods.core.base import Decoder
from methods.core.errors import BadInput
from pipelines.sequences import languages
from pipelines.sequences.autoregressive import Autoregressive, WithMemory
from pipelines.sequences.domain import SequenceDomain
from pipelines.sequences.networks import mlp


@dataclass(frozen=True)
class AutoregressiveGRU(SequenceDomain):
    """The encoder of `mlp`; a decoder of one GRU of 256 units that sees its last symbol and a plan made from the code.

    For long sequences, where a symbol that does not fit those before it ruins the rest. Training takes all places at
    once; decoding goes symbol after symbol.

    Raises:
        BadInput: a likelihood that is the loss of the original, which knows nothing of symbols before.
    """

    def encoder(self, outputs: int) -> nn.Module:
        return mlp.MLP(self.event, self.rows, self.classes, self.likelihood).encoder(outputs)

    def generator(self, code: int) -> WithMemory:
        units, hidden = (256, 128) if self.short else (1024, 256)
        return WithMemory(code, hidden, length=self.length, symbols=self.symbols, units=units, features=32, embedded=32)

    def decoder(self, code: int) -> Decoder:
        if languages.penalized(self.likelihood):
            known = languages.plain(self.likelihood)
            raise BadInput(f"{self.likelihood} is for decoders that see the code alone: set likelihood={known}")
        return Autoregressive(self.generator(code), languages.language(self.likelihood, self.length))
