"""Three convolutions without padding, and one over all that is left, on either side."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from methods.core.errors import BadInput
from pipelines.networks.image import ImageDomain
from pipelines.networks.layers.batch_norm import BatchNorm1d, BatchNorm2d


@dataclass(frozen=True)
class GMVAEConv(ImageDomain):
    """The network of the Gaussian-mixture VAE: 6x6 kernels with 16 and 32 channels, 4x4 of stride 2 with 64, 500 units.

    The layer of 500 units is a convolution over what is left, 9x9 of 28x28. Batch norm and ReLUs everywhere but last.

    Source: Dilokthanakul et al. 2016 and the authors' code.

    Attributes:
        width: channels of the first layer; twice and four times as many in the next two.
        hidden: units between convolutions and code.
    """

    width: int = 16
    hidden: int = 500

    def __post_init__(self) -> None:
        if any(side % 2 or side < 12 for side in self.event[1:]):
            raise BadInput(
                f"network gmvae_conv needs images whose sides are even and at least 12, got {self.event}: "
                "use mlp or gated_mlp"
            )

    @property
    def _small(self) -> tuple[int, int]:
        return (self.event[1] - 10) // 2, (self.event[2] - 10) // 2

    def encoder(self, outputs: int) -> nn.Module:
        one, two, four = self.width, 2 * self.width, 4 * self.width
        return nn.Sequential(
            nn.Conv2d(self.event[0], one, 6),
            nn.BatchNorm2d(one),
            nn.ReLU(),
            nn.Conv2d(one, two, 6),
            nn.BatchNorm2d(two),
            nn.ReLU(),
            nn.Conv2d(two, four, 4, stride=2, padding=1),
            BatchNorm2d(four),
            nn.ReLU(),
            nn.Conv2d(four, self.hidden, self._small),
            nn.Flatten(),
            BatchNorm1d(self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, outputs),
        )

    def generator(self, code: int) -> nn.Module:
        one, two, four = self.width, 2 * self.width, 4 * self.width
        return nn.Sequential(
            nn.Linear(code, self.hidden),
            BatchNorm1d(self.hidden),
            nn.ReLU(),
            nn.Unflatten(1, (self.hidden, 1, 1)),
            nn.ConvTranspose2d(self.hidden, four, self._small),
            BatchNorm2d(four),
            nn.ReLU(),
            nn.ConvTranspose2d(four, two, 4, stride=2, padding=1),
            nn.BatchNorm2d(two),
            nn.ReLU(),
            nn.ConvTranspose2d(two, one, 6),
            nn.BatchNorm2d(one),
            nn.ReLU(),
            nn.ConvTranspose2d(one, self.output_channels, 6),
            nn.Flatten(),
        )
