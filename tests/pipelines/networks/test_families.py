"""The convolutional families against their papers: parameters counted by hand, norms, scales and gradients."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from pipelines.networks.gmvae_conv import GMVAEConv
from pipelines.networks.image import ImageDomain
from pipelines.networks.infogan import InfoGAN
from pipelines.networks.joint_vae_conv import JointVAEConv
from pipelines.networks.layers.batch_norm import BatchNorm1d, BatchNorm2d
from pipelines.networks.layers.pixels import Signed
from pipelines.networks.proto_conv import ProtoConv
from pipelines.networks.rae_conv import RAEConv

GREY_28, GREY_32, COLOR_32, COLOR_64 = (1, 28, 28), (1, 32, 32), (3, 32, 32), (3, 64, 64)


def _conv(inputs: int, outputs: int, size: int, *, norm: bool = False) -> int:
    """A convolution with bias, and batch norm's two numbers a channel."""
    return inputs * outputs * size**2 + outputs + 2 * outputs * norm


def _dense(inputs: int, outputs: int, *, norm: int = 0) -> int:
    """A layer with bias, and batch norm's two numbers for each of `norm` channels."""
    return inputs * outputs + outputs + 2 * norm


def _counts(domain: ImageDomain, outputs: int, code: int) -> tuple[int, int]:
    """Of encoder and decoder."""
    networks = domain.encoder(outputs), domain.generator(code)
    return tuple(sum(parameter.numel() for parameter in network.parameters()) for network in networks)


def _rae(channels: int, kernel: int, flat: int, ups: list[int], code: int) -> tuple[int, int]:
    widths = [channels, 128, 256, 512, 1024]
    down = sum(_conv(a, b, kernel, norm=True) for a, b in pairwise(widths))
    up = sum(_conv(a, b, kernel, norm=True) for a, b in pairwise([1024, *ups]))
    first = _dense(code, 8 * 8 * 1024, norm=1024)
    return down + _dense(flat * 1024, code), first + up + _conv(ups[-1], channels, kernel)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (GREY_28, _rae(1, 4, 2 * 2, [512, 256], 16)),
        (COLOR_32, _rae(3, 4, 2 * 2, [512, 256], 16)),
        (COLOR_64, _rae(3, 5, 4 * 4, [512, 256, 128], 16)),
    ],
)
def test_rae_conv_has_the_papers_parameters(event: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert _counts(RAEConv(event, 10, 0), 16, 16) == expected


def test_rae_conv_reads_images_between_minus_one_and_one() -> None:
    torch.testing.assert_close(Signed()(torch.tensor([0.0, 0.25, 1.0])), torch.tensor([-1.0, -0.5, 1.0]))
    assert any(isinstance(layer, Signed) for layer in RAEConv(GREY_28, 10, 0, width=2).encoder(3))


@pytest.mark.parametrize("event", [GREY_28, COLOR_32])
def test_infogan_has_the_papers_parameters(event: tuple[int, ...]) -> None:
    channels, flat = event[0], 128 * (event[1] // 4) ** 2
    encoder = _conv(channels, 64, 4) + _conv(64, 128, 4, norm=True) + _dense(flat, 1024, norm=1024) + _dense(1024, 128)
    decoder = _dense(64, 1024, norm=1024) + _dense(1024, flat, norm=128)
    decoder += _conv(128, 64, 4, norm=True) + _conv(64, channels, 4)
    assert _counts(InfoGAN(event, 10, 0), 128, 64) == (encoder, decoder)


def test_infogans_encoder_has_weights_of_spectral_norm_one() -> None:
    encoder = InfoGAN(GREY_28, 10, 0, width=4).encoder(6)
    for _ in range(30):  # each reading in training is a step of power iteration
        encoder(torch.rand(4, *GREY_28))
    layers = [layer for layer in encoder.eval() if isinstance(layer, nn.Conv2d | nn.Linear)]
    largest = [torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() for layer in layers]
    assert largest == pytest.approx([1] * 4, abs=0.02)


def test_infogan_starts_at_a_standard_deviation_of_one_fiftieth() -> None:
    layers = [layer for layer in InfoGAN(GREY_28, 10, 0).generator(64) if isinstance(layer, nn.Linear)]
    for layer in layers:
        # The variance of n independent normals has a standard error of sqrt(2 / n); five of them.
        slack = 5 * math.sqrt(2 / layer.weight.numel())
        assert (layer.weight / 0.02).var().item() == pytest.approx(1, abs=slack)
        assert not layer.bias.any()


@pytest.mark.parametrize(("event", "extra"), [(GREY_28, False), (GREY_32, False), (COLOR_64, True)])
def test_joint_vae_conv_has_the_papers_parameters(event: tuple[int, ...], extra: bool) -> None:
    channels = event[0]
    encoder = _conv(channels, 32, 4) + extra * _conv(32, 32, 4) + _conv(32, 64, 4) + _conv(64, 64, 4)
    encoder += _dense(64 * 4 * 4, 256) + _dense(256, 30)
    decoder = _dense(20, 256) + _dense(256, 64 * 4 * 4) + extra * _conv(64, 64, 4)
    decoder += _conv(64, 32, 4) + _conv(32, 32, 4) + _conv(32, channels, 4)
    assert _counts(JointVAEConv(event, 10, 0), 30, 20) == (encoder, decoder)


@pytest.mark.parametrize(("event", "small", "ups"), [(GREY_28, 7, [128, 64]), (COLOR_32, 4, [128, 64, 32])])
def test_proto_conv_goes_down_to_256_maps_of_7x7_or_4x4_and_back(
    event: tuple[int, ...], small: int, ups: list[int]
) -> None:
    generator = ProtoConv(event, 10, 0).generator(256)
    maps = generator[:3](torch.randn(2, 256))
    assert maps.shape == (2, 256, small, small)
    widths = [event[0], *[64 * 2**i for i in range(len(ups))]]
    encoder = sum(_conv(a, b, 3) for a, b in pairwise(widths))
    encoder += _dense(widths[-1] * small**2, 256)
    decoder = _dense(256, 256 * small**2) + sum(_conv(a, b, 4) for a, b in pairwise([256, *ups]))
    assert _counts(ProtoConv(event, 10, 0), 256, 256) == (encoder, decoder + _conv(ups[-1], event[0], 3))


@pytest.mark.parametrize(("event", "last"), [(GREY_28, 9), (COLOR_32, 11)])
def test_gmvae_conv_has_the_papers_parameters(event: tuple[int, ...], last: int) -> None:
    channels = event[0]
    encoder = _conv(channels, 16, 6, norm=True) + _conv(16, 32, 6, norm=True) + _conv(32, 64, 4, norm=True)
    encoder += _conv(64, 500, last, norm=True) + _dense(500, 20)
    decoder = _dense(10, 500, norm=500) + _conv(500, 64, last, norm=True) + _conv(64, 32, 4, norm=True)
    decoder += _conv(32, 16, 6, norm=True) + _conv(16, channels, 6)
    assert _counts(GMVAEConv(event, 10, 0), 20, 10) == (encoder, decoder)


@pytest.mark.parametrize("family", [RAEConv, InfoGAN, JointVAEConv, ProtoConv, GMVAEConv])
def test_every_pixel_reaches_the_code_and_every_code_reaches_every_pixel(family: type[ImageDomain]) -> None:
    domain = replace(family(GREY_28, 10, 0), **{"width": 8})
    encoder, generator = domain.encoder(3).double().eval(), domain.generator(3).double().eval()
    x = torch.rand(8, *GREY_28).double().requires_grad_()
    assert torch.autograd.grad(encoder(x).square().sum(), x)[0].ne(0).any(0).all()
    z = torch.randn(8, 3).double()
    moved = torch.stack([generator(z + step) - generator(z) for step in torch.eye(3).double()])
    assert moved.ne(0).any(1).all()


def test_batch_norm_is_torchs_but_for_a_row_alone() -> None:
    for ours, theirs, shape in (
        (BatchNorm1d(3), nn.BatchNorm1d(3), (5, 3)),
        (BatchNorm2d(3), nn.BatchNorm2d(3), (5, 3, 2, 2)),
    ):
        x = torch.randn(shape)
        torch.testing.assert_close(ours(x), theirs(x))
        alone = torch.randn(1, 3, *[1] * (len(shape) - 2))
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            theirs(alone)
        assert torch.equal(ours(alone), theirs.eval()(alone))
        torch.testing.assert_close(ours.running_mean, theirs.running_mean)
