"""Four strided convolutions down, and a decoder that starts at 8x8 with 1024 channels."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from methods.core.errors import BadInput
from pipelines.networks.image import ImageDomain, padding_to_32
from pipelines.networks.layers.pixels import Signed


@dataclass(frozen=True)
class RAEConv(ImageDomain):
    """The network of the regularized autoencoder: 4x4 kernels, 5x5 for 64x64 images, batch norm and ReLUs.

    Down to 1/16 with 128, 256, 512 and 1024 channels; up from 8x8 by strided transposed convolutions of 512, 256 (and,
    for 64x64, 128) channels, and a last convolution of stride 1. Images of 28x28 are zero-padded to 32x32 and cropped.
    The first layer of the decoder is followed by batch norm and a ReLU as in the paper; the authors' code has neither.

    Source: Ghosh et al. 2020, appendix, and the authors' code.

    Attributes:
        width: channels of the first layer; the others are in proportion.
    """

    width: int = 128

    def __post_init__(self) -> None:
        if self.event[1] != self.event[2] or self.event[1] not in (28, 32, 64):
            raise BadInput(
                f"network rae_conv needs square images of 28, 32 or 64 pixels, got {self.event}: use mlp or gated_mlp"
            )

    @property
    def _kernel(self) -> int:
        return 5 if self.event[1] == 64 else 4

    def encoder(self, outputs: int) -> nn.Module:
        padding = padding_to_32(self.event[1])
        widths = [self.event[0], *(self.width * 2**i for i in range(4))]
        layers = [layer for i in range(4) for layer in self._down(widths[i], widths[i + 1])]
        last = (self.event[1] + 2 * padding) // 16
        return nn.Sequential(
            nn.ZeroPad2d(padding), Signed(), *layers, nn.Flatten(), nn.Linear(widths[4] * last**2, outputs)
        )

    def generator(self, code: int) -> nn.Module:
        halvings = 3 if self.event[1] == 64 else 2
        widths = [self.width * 2**i for i in (3, 2, 1, 0)]
        layers = [layer for i in range(halvings) for layer in self._up(widths[i], widths[i + 1])]
        return nn.Sequential(
            nn.Linear(code, widths[0] * 8 * 8),
            nn.Unflatten(1, (widths[0], 8, 8)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
            *layers,
            # With stride 1, a transposed convolution is a convolution.
            nn.ZeroPad2d((2, self._kernel - 3) * 2),
            nn.Conv2d(widths[halvings], self.output_channels, self._kernel),
            nn.ZeroPad2d(-padding_to_32(self.event[1])),
            nn.Flatten(),
        )

    def _down(self, inputs: int, outputs: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, self._kernel, stride=2, padding=(self._kernel - 1) // 2)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

    def _up(self, inputs: int, outputs: int) -> list[nn.Module]:
        odd = self._kernel % 2
        convolution = nn.ConvTranspose2d(
            inputs, outputs, self._kernel, stride=2, padding=(self._kernel - 1) // 2, output_padding=odd
        )
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
