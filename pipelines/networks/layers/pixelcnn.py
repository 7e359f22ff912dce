"""PixelCNN: the logits of pixels, each from those before it and a code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from pipelines.networks.layers.masked_conv import MaskedConv, Window

LARGE = (7,) * 5 + (5,) * 4 + (3,) * 4
SMALL = (7,) * 3 + (5,) * 2 + (3,) * 2
_CODE_MAPS = 4

_Step = Callable[[Tensor], Tensor]


class PixelBlock(nn.Module):
    """x + (1x1, masked, 1x1 convolutions of half the channels between), under an ELU. Pixels lie channels last."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        half = channels // 2
        self.before = nn.Sequential(_one_by_one(channels, half), nn.LayerNorm(half), nn.ELU())
        self.conv = MaskedConv(half, half, size, own=True)
        self.after = nn.Sequential(nn.LayerNorm(half), nn.ELU(), _one_by_one(half, channels), nn.LayerNorm(channels))

    def forward(self, x: Float[Tensor, "B height width channels"]) -> Float[Tensor, "B height width channels"]:
        return F.elu(x + self.after(self.conv(self.before(x))))

    def at(self, row: int, column: int, window: Window) -> _Step:
        """The block at one pixel, whose past `window` has seen: (B, channels) -> (B, channels)."""

        def step(x: Tensor) -> Tensor:
            window.put(self.before(x), row, column)
            return F.elu(x + self.after(window.output(row, column)))

        return step


_Windowed = list[tuple[PixelBlock, Window]]


class PixelCNN(nn.Module):
    """The decoder of He et al. 2019 (`lagging inference networks'), without gates, as in their code.

    The code becomes four maps of the image's size, which every pixel sees whole; the image is seen through masks only.
    A masked layer is followed by residual blocks, and the output of layer i - 3 joins the input of layer i through a
    block of its own. Masks leave a blind spot: of the row above, a pixel sees no more than `kernels[0] // 2` pixels to
    the right of it, of higher rows more and more.

    Where that code has batch norm, whose mean over the pixels of all images tells every pixel of those after it while
    training, there is layer norm over the channels of each pixel: logits are the same in training and evaluation,
    probabilities of all images sum to one in both, and rows do not depend on each other. Both have as many parameters.

    Args:
        code: size of a code.
        height: of an image.
        width: of an image.
        channels: of the hidden layers, even.
        kernels: sides of the masked layers' squares, at least three: `LARGE` has the 13 of the paper, `SMALL` the 7 of
            the code's small model.
    """

    def __init__(self, code: int, height: int, width: int, *, channels: int, kernels: Sequence[int]) -> None:
        super().__init__()
        self.height, self.width = height, width
        self.maps = nn.Linear(code, _CODE_MAPS * height * width)
        nn.init.xavier_uniform_(self.maps.weight)
        nn.init.zeros_(self.maps.bias)
        self.image = MaskedConv(1, channels, kernels[0], own=False)
        self.code = nn.Conv2d(_CODE_MAPS, channels, kernels[0], padding=kernels[0] // 2, bias=False)
        nn.init.normal_(self.code.weight, 0, (2 / (kernels[0] ** 2 * channels)) ** 0.5)
        self.first = nn.Sequential(nn.LayerNorm(channels), nn.ELU())
        self.blocks = nn.ModuleList(PixelBlock(channels, size) for size in kernels[1:])
        self.skips = nn.ModuleList(PixelBlock(channels, size) for size in kernels[1:-1])
        self.last = nn.Sequential(
            _one_by_one(channels, channels), nn.LayerNorm(channels), nn.ELU(), nn.Linear(channels, 1, bias=False)
        )

    def forward(
        self, x: Float[Tensor, "B 1 height width"], z: Float[Tensor, "B code"]
    ) -> Float[Tensor, "B height width"]:
        """Logits of all pixels at once, given the pixels of x."""
        hidden = self.first(self.image(x.permute(0, 2, 3, 1)) + self._of_code(z))
        return self._logits(hidden, list(self.blocks), list(self.skips)).squeeze(3)

    @torch.no_grad()
    @parametrize.cached()  # spectral norms, where a method adds them, once instead of once a pixel
    def one_by_one(
        self, z: Float[Tensor, "B code"], thresholds: Float[Tensor, "B height width"]
    ) -> Float[Tensor, "B 1 height width"]:
        """Images pixel by pixel: a pixel is 1 where its probability, given those before it, exceeds its threshold.

        Uniform thresholds make it a draw, thresholds of 1/2 the greedy pass. Every pixel is computed once: as much work
        as one pass over the whole image, in height * width small steps.
        """
        of_code, x = self._of_code(z), torch.zeros_like(thresholds)
        image, blocks, skips = self._windows(len(z))
        for row in range(self.height):
            for column in range(self.width):
                hidden = self.first(image.output(row, column) + of_code[:, row, column])
                steps = ([block.at(row, column, window) for block, window in part] for part in (blocks, skips))
                probability = self._logits(hidden, *steps).sigmoid().squeeze(1)
                x[:, row, column] = (thresholds[:, row, column] < probability).to(x)
                image.put(x[:, row, column].unsqueeze(1), row, column)
        return x.unsqueeze(1)

    def _windows(self, images: int) -> tuple[Window, _Windowed, _Windowed]:
        size = (images, self.height, self.width)
        blocks, skips = (
            [(block, Window(block.conv, *size)) for block in part if isinstance(block, PixelBlock)]
            for part in (self.blocks, self.skips)
        )
        return Window(self.image, *size), blocks, skips

    def _of_code(self, z: Tensor) -> Tensor:
        maps = self.maps(z).view(-1, _CODE_MAPS, self.height, self.width)
        return self.code(maps).permute(0, 2, 3, 1)

    def _logits(self, first: Tensor, blocks: Sequence[_Step], skips: Sequence[_Step]) -> Tensor:
        hidden, outputs = first, [first]
        for number, block in enumerate(blocks):
            if number >= 2:
                hidden = hidden + skips[number - 2](outputs[number - 2])
            hidden = block(hidden)
            outputs.append(hidden)
        return self.last(hidden + skips[-1](outputs[-3]))


def _one_by_one(inputs: int, outputs: int) -> nn.Linear:
    """A 1x1 convolution: a linear layer on the channels of a pixel, its weights from N(0, 2 / fan-out)."""
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, 0, (2 / outputs) ** 0.5)
    return layer
