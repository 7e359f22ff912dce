"""An encoder of residual blocks."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from pipelines.networks.layers.batch_norm import BatchNorm1d, BatchNorm2d


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions that halve the image, plus a 1x1 convolution that does, under an ELU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            _conv(inputs, outputs, 3, stride=2, padding=1),
            BatchNorm2d(outputs),
            nn.ELU(),
            _conv(outputs, outputs, 3, padding=1),
            BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(_conv(inputs, outputs, 1, stride=2), BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "B inputs height width"]) -> Float[Tensor, "B outputs half_height half_width"]:
        return F.elu(self.main(x) + self.shortcut(x))


def resnet(event: tuple[int, ...], outputs: int, *, channels: int) -> nn.Sequential:
    """Three residual blocks, a convolution over all that is left (4x4 of 28x28) with eight times as many channels, and
    a linear layer: (B, *event) -> (B, outputs).

    Source: He et al. 2019 and their code (64 channels).
    """
    height, width = (-(-side // 8) for side in event[1:])
    last = nn.Linear(8 * channels, outputs)
    nn.init.xavier_uniform_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        ResidualBlock(event[0], channels),
        ResidualBlock(channels, channels),
        ResidualBlock(channels, channels),
        _conv(channels, 8 * channels, (height, width)),
        nn.Flatten(),
        BatchNorm1d(8 * channels),
        nn.ELU(),
        last,
    )


def _conv(inputs: int, outputs: int, size: int | tuple[int, int], *, stride: int = 1, padding: int = 0) -> nn.Conv2d:
    """A convolution without bias, its weights from N(0, 2 / fan-out)."""
    layer = nn.Conv2d(inputs, outputs, size, stride=stride, padding=padding, bias=False)
    area = layer.kernel_size[0] * layer.kernel_size[1]
    nn.init.normal_(layer.weight, 0, (2 / (area * outputs)) ** 0.5)
    return layer
