"""What all families of image networks share: a likelihood on top of a network."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from methods.core.base import Decoder, Domain
from pipelines.networks import likelihoods


@dataclass(frozen=True)
class ImageDomain(Domain):
    """Images of shape (channels, height, width) with values in [0, 1].

    Attributes:
        likelihood: one of `likelihoods.names()`.
    """

    likelihood: str = "bernoulli"

    @property
    def values(self) -> int:
        """Number of values in an image."""
        return math.prod(self.event)

    @abstractmethod
    def generator(self, code: int) -> nn.Module:
        """A network (B, code) -> (B, values)."""

    def decoder(self, code: int) -> Decoder:
        return likelihoods.build(self.likelihood, self.generator(code), self.event)
