"""Convolutions that see a pixel's past alone."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedConv(nn.Conv2d):
    """A convolution over pixels that come before in raster order: rows above, and what is to the left.

    Pixels lie channels last, (B, height, width, channels), as in all of PixelCNN. Rows below the pixel have no weights;
    those to its right are masked. Weights start at N(0, 2 / fan-out), the fan that of the whole square, no bias.

    Source: van den Oord et al. 2016, masks A and B.

    Args:
        inputs: channels.
        outputs: channels.
        size: side of the square, odd.
        own: whether the pixel itself is seen too (mask B).
    """

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, *, own: bool) -> None:
        self.reach = size // 2
        super().__init__(inputs, outputs, (self.reach + 1, size), padding=self.reach, bias=False)
        nn.init.normal_(self.weight, 0, (2 / (size**2 * outputs)) ** 0.5)
        mask = torch.ones(self.reach + 1, size)
        mask[self.reach, self.reach + own :] = 0
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Float[Tensor, "B height width inputs"]) -> Float[Tensor, "B height width outputs"]:
        found = F.conv2d(x.permute(0, 3, 1, 2), self.weight * self.mask, padding=self.reach)
        return found[:, :, : x.shape[1]].permute(0, 2, 3, 1)


class Window:
    """The same convolution pixel by pixel, and the inputs that it has seen so far.

    Args:
        conv: whose weights to use, as they are now.
        images: how many are read at a time.
        height: of an image.
        width: of an image.
    """

    def __init__(self, conv: MaskedConv, images: int, height: int, width: int) -> None:
        self.reach = conv.reach
        self.kernel = (conv.weight * conv.mask).permute(0, 2, 3, 1).flatten(1)
        self.seen = self.kernel.new_zeros(images, height + self.reach, width + 2 * self.reach, conv.in_channels)

    def put(self, x: Float[Tensor, "B inputs"], row: int, column: int) -> None:
        """Read the input of the pixel at (row, column)."""
        self.seen[:, row + self.reach, column + self.reach] = x

    def output(self, row: int, column: int) -> Float[Tensor, "B outputs"]:
        """Of the pixel at (row, column), of whose future nothing was put in yet."""
        around = self.seen[:, row : row + self.reach + 1, column : column + 2 * self.reach + 1]
        return F.linear(around.flatten(1), self.kernel)
