"""A residual encoder, and an autoregressive decoder, narrow and half as deep."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from methods.core.base import Decoder
from pipelines.networks.image import ImageDomain
from pipelines.networks.layers.pixelcnn import SMALL, PixelCNN
from pipelines.networks.layers.resnet import resnet
from pipelines.networks.likelihoods import AutoregressiveBernoulli
from pipelines.networks.resnet_pixelcnn import check


@dataclass(frozen=True)
class SmallResNetPixelCNN(ImageDomain):
    """`resnet_pixelcnn` for CPUs: the 7 masked layers of the authors' small model, with a quarter of its channels.

    Attributes:
        width: channels of both networks; the encoder's last layer has eight times as many.
    """

    width: int = 16

    def __post_init__(self) -> None:
        check(self)

    def encoder(self, outputs: int) -> nn.Module:
        return resnet(self.event, outputs, channels=self.width)

    def generator(self, code: int) -> PixelCNN:
        """A network (B, *event), (B, code) -> (B, height, width): logits of every pixel given those before it."""
        return PixelCNN(code, self.event[1], self.event[2], channels=self.width, kernels=SMALL)

    def decoder(self, code: int) -> Decoder:
        return AutoregressiveBernoulli(self.generator(code))
