"""Two or three convolution blocks, and a decoder that starts from 256 maps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from methods.core.errors import BadInput
from pipelines.networks.image import ImageDomain

_BLOCKS = {28: 2, 32: 3}


@dataclass(frozen=True)
class ProtoConv(ImageDomain):
    """The network of the prototypical VAE: two blocks down to 7x7 for images of 28x28, three to 4x4 for 32x32.

    A block is a 3x3 convolution of stride 2 and a ReLU; the code is linear, as prototypes live on both sides of 0. Back
    from 256 maps by 4x4 transposed convolutions, then a 3x3 convolution into the image's channels. The paper gives the
    256 maps, their sizes, the number of blocks and the last layer (and a code of 256: set `latent`), no other widths
    or kernels: down it is 64, 128 (and 256) channels here, and up 128, 64 (and 32).

    Source: the prototypical VAE's section on experiments.

    Attributes:
        width: channels of the first block; the others are in proportion.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if self.event[1] != self.event[2] or self.event[1] not in _BLOCKS:
            raise BadInput(
                f"network proto_conv needs square images of 28 or 32 pixels, got {self.event}: use infogan or gated_mlp"
            )

    @property
    def _blocks(self) -> int:
        return _BLOCKS[self.event[1]]

    @property
    def _small(self) -> int:
        return self.event[1] // 2**self._blocks

    def encoder(self, outputs: int) -> nn.Module:
        widths = [self.event[0], *(self.width * 2**i for i in range(self._blocks))]
        layers = [layer for pair in pairwise(widths) for layer in _down(*pair)]
        return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-1] * self._small**2, outputs))

    def generator(self, code: int) -> nn.Module:
        widths = [4 * self.width // 2**i for i in range(self._blocks + 1)]
        layers = [layer for pair in pairwise(widths) for layer in _up(*pair)]
        return nn.Sequential(
            nn.Linear(code, widths[0] * self._small**2),
            nn.ReLU(),
            nn.Unflatten(1, (widths[0], self._small, self._small)),
            *layers,
            nn.Conv2d(widths[-1], self.output_channels, 3, padding=1),
            nn.Flatten(),
        )


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.ReLU()]


def _up(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU()]
