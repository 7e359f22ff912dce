"""The encoder of `autoregressive_mlp`, and a decoder that sees the molecule that it has written so far."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from methods.core.base import Decoder
from methods.core.errors import BadInput
from pipelines.sequences import languages
from pipelines.sequences.autoregressive import Autoregressive
from pipelines.sequences.domain import SequenceDomain
from pipelines.sequences.grown import WithMolecule
from pipelines.sequences.language import Tokens
from pipelines.sequences.networks.autoregressive_mlp import AutoregressiveMLP
from pipelines.sequences.selfies_spelling import spelling

_SPELLED = ("smiles_fragments", "smiles_fragments_small_rings", "smiles_selfies")
_EMBEDDED = 32
_FEATURES = 48
_HIDDEN = 256


@dataclass(frozen=True)
class AutoregressiveMolecule(SequenceDomain):
    """Normalized residual layers of 512 units, and a decoder that knows the size of every ring it could close.

    Raises:
        BadInput: another language than SELFIES or their fragments.
    """

    def encoder(self, outputs: int) -> nn.Module:
        return AutoregressiveMLP(self.event, self.rows, self.classes, self.likelihood).encoder(outputs)

    def generator(self, code: int) -> WithMolecule:
        language = languages.language(self.likelihood, self.length)
        if not isinstance(language, Tokens) or self.likelihood not in _SPELLED:
            known = ", ".join(_SPELLED)
            raise BadInput(
                f"autoregressive_molecule reads {known}, not {self.likelihood}: set network=autoregressive_mlp"
            )
        return WithMolecule(
            code,
            length=self.length,
            spelling=spelling(language.tokens),
            units=512,
            features=_FEATURES,
            hidden=_HIDDEN,
            embedded=_EMBEDDED,
        )

    def decoder(self, code: int) -> Decoder:
        return Autoregressive(self.generator(code), languages.language(self.likelihood, self.length))
