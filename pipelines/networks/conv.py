"""Four strided convolutions down, four transposed convolutions up."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from methods.core.errors import BadInput
from pipelines.networks.image import ImageDomain, padding_to_32


@dataclass(frozen=True)
class Conv(ImageDomain):
    """The network of GMM-DAE, after RAE's: 4x4 convolutions of stride 2 with 128, 256, 512 and 1024 channels.

    Images of 28x28 are zero-padded to 32x32 on the way in and cropped on the way out, so that data stay as they are.

    Attributes:
        width: channels of the first layer; the others have 2, 4 and 8 times as many.
    """

    width: int = 128

    def __post_init__(self) -> None:
        if self._side not in (28, 32, 64) or self.event[1] != self.event[2]:
            raise BadInput(
                f"network conv needs square images of 28, 32 or 64 pixels, got {self.event}: use mlp or gated_mlp"
            )

    @property
    def _side(self) -> int:
        return self.event[-1]

    @property
    def _padding(self) -> int:
        return padding_to_32(self._side)

    def encoder(self, outputs: int) -> nn.Module:
        widths = [self.event[0], *(self.width * 2**i for i in range(4))]
        layers = [layer for i in range(4) for layer in _down(widths[i], widths[i + 1])]
        last = (self._side + 2 * self._padding) // 16
        return nn.Sequential(
            nn.ZeroPad2d(self._padding), *layers, nn.Flatten(), nn.Linear(widths[-1] * last**2, outputs)
        )

    def generator(self, code: int) -> nn.Module:
        widths = [self.width * 2**i for i in (3, 2, 1, 0)]
        first = (self._side + 2 * self._padding) // 16
        layers = [layer for i in range(3) for layer in _up(widths[i], widths[i + 1])]
        return nn.Sequential(
            nn.Linear(code, widths[0] * first**2),
            nn.Unflatten(1, (widths[0], first, first)),
            *layers,
            nn.ConvTranspose2d(widths[3], self.output_channels, 4, stride=2, padding=1),
            nn.ZeroPad2d(-self._padding),
            nn.Flatten(),
        )


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]


def _up(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
