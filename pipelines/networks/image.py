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

    @property
    def output_channels(self) -> int:
        """Channels that a generator returns: an image's, once for every number that the likelihood takes a value."""
        return self.event[0] * likelihoods.outputs_per_value(self.likelihood)

    @property
    def outputs(self) -> int:
        """What a generator returns for a code, in numbers."""
        return self.output_channels * math.prod(self.event[1:])

    @abstractmethod
    def generator(self, code: int) -> nn.Module:
        """A network (B, code) -> (B, outputs), channel by channel."""

    def decoder(self, code: int) -> Decoder:
        return likelihoods.build(self.likelihood, self.generator(code), self.event)


def padding_to_32(side: int) -> int:
    """Zeros on either side that make 28 pixels 32, the size that networks of halvings take."""
    return 2 if side == 28 else 0
