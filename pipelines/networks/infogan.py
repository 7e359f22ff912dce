"""InfoGAN's two strided convolutions and a wide layer, with spectral norm on the encoder."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from methods.core.errors import BadInput
from pipelines.networks.image import ImageDomain
from pipelines.networks.layers.batch_norm import BatchNorm1d


@dataclass(frozen=True)
class InfoGAN(ImageDomain):
    """The network of the two-stage VAE: 4x4 convolutions of stride 2 with 64 and 128 channels, a layer of 1024 units.

    The encoder's layers, the last one too, have spectral norm 1, batch norm but for the first and leaky ReLUs (0.2);
    the decoder has batch norm and ReLUs. Weights start at N(0, 0.02^2), biases at 0. With likelihood `learned_gaussian`
    it is the paper's. Its method's standard deviations come from softplus there; here, as everywhere, from exp.

    Source: Dai and Wipf 2019 and their code; after Chen et al. 2016 and Lucic et al. 2018.

    Attributes:
        width: channels of the first convolution; twice as many in the second, 16 times as many units in the wide layer.
    """

    width: int = 64

    def __post_init__(self) -> None:
        if any(side % 4 for side in self.event[1:]):
            raise BadInput(
                f"network infogan needs images whose sides are multiples of 4, got {self.event}: use mlp or gated_mlp"
            )

    @property
    def _small(self) -> tuple[int, int]:
        return self.event[1] // 4, self.event[2] // 4

    def encoder(self, outputs: int) -> nn.Module:
        first, second, wide = self.width, 2 * self.width, 16 * self.width
        area = self._small[0] * self._small[1]
        return nn.Sequential(
            spectral_norm(_started(nn.Conv2d(self.event[0], first, 4, stride=2, padding=1))),
            nn.LeakyReLU(0.2),
            spectral_norm(_started(nn.Conv2d(first, second, 4, stride=2, padding=1))),
            nn.BatchNorm2d(second),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            spectral_norm(_started(nn.Linear(second * area, wide))),
            BatchNorm1d(wide),
            nn.LeakyReLU(0.2),
            spectral_norm(_started(nn.Linear(wide, outputs))),
        )

    def generator(self, code: int) -> nn.Module:
        first, second, wide = self.width, 2 * self.width, 16 * self.width
        values = second * self._small[0] * self._small[1]
        return nn.Sequential(
            _started(nn.Linear(code, wide)),
            BatchNorm1d(wide),
            nn.ReLU(),
            _started(nn.Linear(wide, values)),
            nn.Unflatten(1, (second, *self._small)),
            nn.BatchNorm2d(second),
            nn.ReLU(),
            _started(nn.ConvTranspose2d(second, first, 4, stride=2, padding=1)),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            _started(nn.ConvTranspose2d(first, self.output_channels, 4, stride=2, padding=1)),
            nn.Flatten(),
        )


def _started(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    nn.init.normal_(layer.weight, 0, 0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
