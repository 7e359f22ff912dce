"""What all families of sequence networks share: a language on top of a network."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from methods.core.base import Decoder, Domain
from pipelines.sequences import likelihood as likelihoods

_SHORT = 32
"""The longest sequence that counts as short: those of expressions, of 15 rules or 19 characters."""


@dataclass(frozen=True)
class SequenceDomain(Domain):
    """Sequences of shape (length, symbols), one-hot.

    Attributes:
        likelihood: one of `languages.likelihoods()`.
    """

    likelihood: str = "expression_grammar"

    @property
    def length(self) -> int:
        """Symbols in a sequence, with the padding."""
        return self.event[0]

    @property
    def symbols(self) -> int:
        """How many symbols there are."""
        return self.event[1]

    @property
    def short(self) -> bool:
        """Is a sequence short, like an expression, or long, like a molecule? Widths of layers go by it."""
        return self.length <= _SHORT

    @abstractmethod
    def generator(self, code: int) -> nn.Module:
        """A network (B, code) -> (B, length, symbols) of scores, of all places at once or one after the other."""

    def decoder(self, code: int) -> Decoder:
        return likelihoods.build(self.likelihood, self.generator(code), self.length)
