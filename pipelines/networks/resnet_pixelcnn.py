"""A residual encoder, and an autoregressive decoder."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from methods.core.base import Decoder
from methods.core.errors import BadInput
from pipelines.networks.image import ImageDomain
from pipelines.networks.layers.pixelcnn import LARGE, PixelCNN
from pipelines.networks.layers.resnet import resnet
from pipelines.networks.likelihoods import AutoregressiveBernoulli


@dataclass(frozen=True)
class ResNetPixelCNN(ImageDomain):
    """The network of He et al. 2019 and NE-VAE: a ResNet, and a PixelCNN of 13 masked layers.

    Pixels are 0 or 1, one channel. Slow on a CPU, where `resnet_pixelcnn_small` is the one to take.

    Attributes:
        width: channels of both networks; the encoder's last layer has eight times as many.
        kernels: sides of the decoder's masked layers.
    """

    width: int = 64
    kernels: tuple[int, ...] = LARGE

    def __post_init__(self) -> None:
        check(self)

    def encoder(self, outputs: int) -> nn.Module:
        return resnet(self.event, outputs, channels=self.width)

    def generator(self, code: int) -> PixelCNN:
        """A network (B, *event), (B, code) -> (B, height, width): logits of every pixel given those before it."""
        return PixelCNN(code, self.event[1], self.event[2], channels=self.width, kernels=self.kernels)

    def decoder(self, code: int) -> Decoder:
        return AutoregressiveBernoulli(self.generator(code))


def check(domain: ImageDomain) -> None:
    """Refuse what no PixelCNN of this project can take.

    Raises:
        BadInput: images of several channels or under 4 pixels a side, or another likelihood than Bernoulli.
    """
    channels, height, width = domain.event
    if channels != 1:
        raise BadInput(
            f"a PixelCNN decoder needs images of one channel, got {domain.event}: use conv, rae_conv or gated_mlp"
        )
    if min(height, width) < 4:
        raise BadInput(
            f"a PixelCNN decoder needs images of at least 4x4 pixels, got {domain.event}: use mlp or gated_mlp"
        )
    if domain.likelihood != "bernoulli":
        raise BadInput(
            f"a PixelCNN decoder needs pixels that are 0 or 1, likelihood bernoulli, got {domain.likelihood}: "
            "set likelihood to bernoulli or use another network"
        )
