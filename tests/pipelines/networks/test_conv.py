from __future__ import annotations

import pytest
import torch
from torch import nn

from methods.core.errors import BadInput
from pipelines.networks.conv import Conv


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [28, 32, 64])
def test_it_takes_square_images_of_three_sizes(channels: int, side: int) -> None:
    domain = Conv((channels, side, side), 10, 0, width=2)
    x = torch.rand(3, channels, side, side)
    assert domain.encoder(7)(x).shape == (3, 7)
    assert domain.decoder(7).mean(torch.randn(3, 7)).shape == x.shape


@pytest.mark.parametrize("event", [(1, 8, 8), (1, 28, 20), (1, 20, 28), (1, 32, 28), (3, 128, 128), (1, 1, 784)])
def test_other_sizes_are_refused_with_the_families_that_take_them(event: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match=r"needs square images of 28, 32 or 64 pixels, got .*: use mlp or gated_mlp"):
        Conv(event, 10, 0)


def test_it_has_four_layers_of_twice_as_many_channels_each() -> None:
    domain = Conv((1, 32, 32), 10, 0)
    down = [layer for layer in domain.encoder(10).modules() if isinstance(layer, nn.Conv2d)]
    up = [layer for layer in domain.generator(10).modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert [layer.out_channels for layer in down] == [128, 256, 512, 1024]
    assert [layer.in_channels for layer in up] == [1024, 512, 256, 128]
    assert {(layer.kernel_size, layer.stride) for layer in [*down, *up]} == {((4, 4), (2, 2))}


def test_every_pixel_of_an_image_reaches_the_code_and_every_code_reaches_every_pixel() -> None:
    domain = Conv((1, 28, 28), 10, 0, width=8)
    encoder, generator = domain.encoder(5).double().eval(), domain.generator(5).double().eval()
    x = torch.rand(1, 1, 28, 28).double().requires_grad_()
    z = torch.randn(1, 5).double().requires_grad_()
    assert torch.autograd.grad(encoder(x).square().sum(), x)[0].ne(0).all()
    outputs = generator(z).squeeze(0)
    reached = torch.stack([torch.autograd.grad(value, z, retain_graph=True)[0].squeeze(0) for value in outputs])
    assert reached.ne(0).all()
