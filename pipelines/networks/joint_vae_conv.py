"""Three strided convolutions and a layer of 256 units on either side, without batch norm."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from methods.core.errors import BadInput
from pipelines.networks.image import ImageDomain, padding_to_32


@dataclass(frozen=True)
class JointVAEConv(ImageDomain):
    """The network of JointVAE: 4x4 convolutions of stride 2 with 32, 64 and 64 channels down to 4x4, then 256 units.

    Images of 64x64 have one more layer of 32 channels after the first, and one more of 64 on the way up. Images of
    28x28 are zero-padded to 32x32 and cropped; the paper scales them.

    Source: Dupont 2018 and the author's code.

    Attributes:
        width: channels of the first layer; the others are in proportion.
    """

    width: int = 32

    def __post_init__(self) -> None:
        if self.event[1] != self.event[2] or self.event[1] not in (28, 32, 64):
            raise BadInput(
                f"network joint_vae_conv needs square images of 28, 32 or 64 pixels, got {self.event}: "
                "use mlp or gated_mlp"
            )

    def encoder(self, outputs: int) -> nn.Module:
        one, two = self.width, 2 * self.width
        widths = [self.event[0], one, *[one] * (self.event[1] == 64), two, two]
        layers = [layer for pair in pairwise(widths) for layer in _down(*pair)]
        return nn.Sequential(
            nn.ZeroPad2d(padding_to_32(self.event[1])),
            *layers,
            nn.Flatten(),
            nn.Linear(two * 4 * 4, 8 * one),
            nn.ReLU(),
            nn.Linear(8 * one, outputs),
        )

    def generator(self, code: int) -> nn.Module:
        one, two = self.width, 2 * self.width
        widths = [two, *[two] * (self.event[1] == 64), one, one]
        layers = [layer for pair in pairwise(widths) for layer in _up(*pair)]
        return nn.Sequential(
            nn.Linear(code, 8 * one),
            nn.ReLU(),
            nn.Linear(8 * one, two * 4 * 4),
            nn.ReLU(),
            nn.Unflatten(1, (two, 4, 4)),
            *layers,
            nn.ConvTranspose2d(one, self.output_channels, 4, stride=2, padding=1),
            nn.ZeroPad2d(-padding_to_32(self.event[1])),
            nn.Flatten(),
        )


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU()]


def _up(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU()]
