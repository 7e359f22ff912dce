"""Normalized residual layers on either side, and a decoder that sees the last twelve symbols it has written."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from methods.core.base import Decoder
from methods.core.errors import BadInput
from pipelines.sequences import languages
from pipelines.sequences.autoregressive import Autoregressive
from pipelines.sequences.domain import SequenceDomain
from pipelines.sequences.embedding import Embedding
from pipelines.sequences.residual import residual
from pipelines.sequences.windowed import WithWindow

_EMBEDDED = 32
_FEATURES = 48
_HIDDEN = 128


@dataclass(frozen=True)
class AutoregressiveMLP(SequenceDomain):
    """Embedded symbols - 512 - 512 - code and back, with residual layers and layer normalization.

    The network for molecules on a CPU: training takes all places at once, in a few large products of matrices. Decoding
    goes symbol after symbol.

    Raises:
        BadInput: a likelihood that is the loss of the original, which knows nothing of symbols before.
    """

    @property
    def units(self) -> int:
        return 256 if self.short else 512

    def encoder(self, outputs: int) -> nn.Module:
        return nn.Sequential(
            Embedding(self.symbols, _EMBEDDED),
            nn.Flatten(),
            residual(self.length * _EMBEDDED, self.units, outputs),
        )

    def generator(self, code: int) -> WithWindow:
        return WithWindow(
            code,
            length=self.length,
            symbols=self.symbols,
            units=self.units,
            features=_FEATURES,
            hidden=_HIDDEN,
            embedded=_EMBEDDED,
        )

    def decoder(self, code: int) -> Decoder:
        if languages.penalized(self.likelihood):
            known = languages.plain(self.likelihood)
            raise BadInput(f"{self.likelihood} is for decoders that see the code alone: set likelihood={known}")
        return Autoregressive(self.generator(code), languages.language(self.likelihood, self.length))
