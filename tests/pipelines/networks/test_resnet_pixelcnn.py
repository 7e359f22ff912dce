from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from pipelines.networks.layers.masked_conv import MaskedConv, Window
from pipelines.networks.layers.pixelcnn import LARGE, SMALL, PixelCNN
from pipelines.networks.likelihoods import AutoregressiveBernoulli
from pipelines.networks.resnet_pixelcnn import ResNetPixelCNN
from pipelines.networks.resnet_pixelcnn_small import SmallResNetPixelCNN

KERNELS = (5, 3, 3, 3, 3)
WIDE = (7, 3, 3)  # so wide that no pixel of 4x4 is in the blind spot, up and far to the right


def _decoder(height: int, width: int, kernels: tuple[int, ...] = KERNELS) -> AutoregressiveBernoulli:
    """Tiny, in double precision, and far from its first weights, under which pixels hardly depend on each other."""
    network = PixelCNN(3, height, width, channels=8, kernels=kernels).double()
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.7)
    return AutoregressiveBernoulli(network)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _images(side: int) -> Tensor:
    pixels = torch.tensor(list(itertools.product([0.0, 1.0], repeat=side**2)), dtype=torch.double)
    return pixels.view(-1, 1, side, side)


@pytest.mark.parametrize("training", [True, False])
def test_the_probabilities_of_all_images_of_3x3_sum_to_one(training: bool) -> None:
    decoder, images = _decoder(3, 3).train(training), _images(3)
    for z in torch.randn(3, 3).double():
        total = decoder.log_prob(images, z.expand(len(images), 3)).exp().sum().item()
        assert total == pytest.approx(1, abs=1e-12)


def test_images_are_drawn_as_often_as_they_are_probable() -> None:
    decoder, images, draws = _decoder(2, 2), _images(2), 5_000
    z = torch.randn(1, 3).double()
    expected = decoder.log_prob(images, z.expand(16, 3)).exp().detach() * draws
    drawn = decoder.sample(z.expand(draws, 3)).flatten(1) @ torch.tensor([8.0, 4.0, 2.0, 1.0]).double()
    counts = drawn.long().bincount(minlength=16)
    rare = expected < 5  # too rare for chi-square: they join the most frequent image
    kept = [*expected[~rare].tolist(), expected[rare].sum().item() + 1e-9]
    found = [*counts[~rare].tolist(), counts[rare].sum().item() + 1e-9]
    assert stats.chisquare(found, kept).pvalue > 1e-6


@pytest.mark.parametrize("training", [True, False])
def test_a_pixel_depends_on_all_pixels_before_it_and_on_no_other(training: bool) -> None:
    network = _decoder(4, 4, WIDE).network.train(training)
    z, x = torch.randn(2, 3).double(), torch.rand(2, 1, 4, 4).double()
    slopes = torch.autograd.functional.jacobian(lambda image: network(image, z)[0].flatten(), x)
    own, other = slopes[:, 0].flatten(1), slopes[:, 1]
    assert not other.any()
    assert torch.equal(own.ne(0), torch.ones(16, 16).tril(-1).bool())


def test_what_comes_later_changes_nothing_before() -> None:
    decoder, z = _decoder(5, 4), torch.randn(1, 3).double()
    x = torch.rand(1, 1, 5, 4).round().double()
    before = decoder.network(x, z).flatten()
    for pixel in range(20):
        changed = x.flatten().clone()
        changed[pixel] = 1 - changed[pixel]
        after = decoder.network(changed.view_as(x), z).flatten()
        assert torch.equal(before[: pixel + 1], after[: pixel + 1])


def test_every_pixel_sees_every_entry_of_the_code() -> None:
    decoder, x = _decoder(5, 5), torch.rand(1, 1, 5, 5).round().double()
    slopes = torch.autograd.functional.jacobian(lambda z: decoder.network(x, z).flatten(), torch.randn(1, 3).double())
    assert slopes.ne(0).all()


@pytest.mark.parametrize("own", [True, False])
def test_a_masked_convolution_is_a_square_one_whose_future_weights_are_zero(own: bool) -> None:
    conv = MaskedConv(2, 3, 5, own=own).double()
    square = torch.zeros(3, 2, 5, 5).double()
    square[:, :, :2] = conv.weight[:, :, :2].detach()
    square[:, :, 2, : 2 + own] = conv.weight[:, :, 2, : 2 + own].detach()
    x = torch.randn(4, 6, 7, 2).double()
    expected = nn.functional.conv2d(x.permute(0, 3, 1, 2), square, padding=2).permute(0, 2, 3, 1)
    torch.testing.assert_close(conv(x).detach(), expected)


@pytest.mark.parametrize("own", [True, False])
def test_pixel_by_pixel_it_is_the_same_convolution(own: bool) -> None:
    conv = MaskedConv(2, 3, 5, own=own).double()
    x = torch.randn(4, 6, 7, 2).double()
    window, found = Window(conv, 4, 6, 7), torch.empty(4, 6, 7, 3).double()
    for row, column in itertools.product(range(6), range(7)):
        if own:
            window.put(x[:, row, column], row, column)
        found[:, row, column] = window.output(row, column)
        window.put(x[:, row, column], row, column)
    torch.testing.assert_close(found, conv(x))


@pytest.mark.parametrize("kernels", [KERNELS, SMALL, (3, 3, 3)])
def test_pixel_by_pixel_it_is_the_same_network(kernels: tuple[int, ...]) -> None:
    decoder, z = _decoder(6, 5, kernels), torch.randn(4, 3).double()
    thresholds = torch.rand(4, 6, 5).double()
    x = decoder.network.one_by_one(z, thresholds)
    # A pass is the one image that answers its own thresholds.
    assert torch.equal(x.squeeze(1), (thresholds < decoder.network(x, z).sigmoid()).double())


def test_the_mean_is_the_probabilities_along_the_greedy_pass() -> None:
    decoder, z = _decoder(4, 4), torch.randn(3, 3).double()
    x = torch.zeros(3, 1, 4, 4).double()
    for row, column in itertools.product(range(4), range(4)):
        x[..., row, column] = decoder.mean_given(x, z)[..., row, column].round()
    torch.testing.assert_close(decoder.mean(z), decoder.mean_given(x, z))


def test_the_gradient_of_the_mean_is_its_slope() -> None:
    decoder, z = _decoder(2, 3, WIDE), torch.randn(1, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(decoder.mean, z)
    assert torch.autograd.gradgradcheck(decoder.mean, z, fast_mode=True)


def test_the_mean_is_exact_where_pixels_are_independent_given_the_code() -> None:
    decoder, z = _decoder(2, 2), torch.randn(1, 3).double()
    for block in [
        decoder.network.image,
        *[block.conv for block in decoder.network.modules() if hasattr(block, "conv")],
    ]:
        nn.init.zeros_(block.weight)
    images = _images(2)
    probabilities = decoder.log_prob(images, z.expand(16, 3)).exp()
    torch.testing.assert_close(decoder.mean(z)[0], (probabilities.view(16, 1, 1, 1) * images).sum(0))


def test_the_mean_and_a_draw_have_the_images_shape_and_draws_are_0_or_1() -> None:
    decoder, z = _decoder(4, 6), torch.randn(3, 3).double()
    assert decoder.mean(z).shape == decoder.sample(z).shape == (3, 1, 4, 6)
    assert set(decoder.sample(z).unique().tolist()) <= {0.0, 1.0}


def test_training_and_evaluation_are_the_same_function() -> None:
    decoder, x, z = _decoder(4, 4), torch.rand(3, 1, 4, 4).round().double(), torch.randn(3, 3).double()
    assert torch.equal(decoder.train().log_prob(x, z), decoder.eval().log_prob(x, z))


def test_each_pair_has_the_log_probability_that_it_has_alone() -> None:
    decoder, x, z = _decoder(3, 3), torch.rand(90, 4, 1, 3, 3).round().double(), torch.randn(90, 3).double()
    expected = torch.stack([decoder.log_prob(x[:, j], z) for j in range(4)], 1)
    torch.testing.assert_close(decoder.log_prob_of_each(x, z), expected)


def test_the_log_probability_has_the_gradients_of_its_slopes() -> None:
    decoder, z = _decoder(3, 3), torch.randn(2, 3).double().requires_grad_()
    x = torch.rand(2, 1, 3, 3).round().double()
    assert torch.autograd.gradcheck(lambda code: decoder.log_prob(x, code), z)


def test_spectral_norms_do_not_open_the_masks() -> None:
    network = _decoder(4, 4, WIDE).network
    for layer in list(network.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.utils.parametrizations.spectral_norm(layer)
    network.eval()
    z, x = torch.randn(1, 3).double(), torch.rand(1, 1, 4, 4).double()
    slopes = torch.autograd.functional.jacobian(lambda image: network(image, z).flatten(), x).view(16, 16)
    assert torch.equal(slopes.ne(0), torch.ones(16, 16).tril(-1).bool())
    thresholds = torch.rand(1, 4, 4).double()
    drawn = network.one_by_one(z, thresholds)
    assert torch.equal(drawn.squeeze(1), (thresholds < network(drawn, z).sigmoid()).double())


def _block(channels: int, size: int) -> int:
    """1x1 down, the rows of a square down to its center, 1x1 up, and three norms of two numbers a channel."""
    half = channels // 2
    return channels * half + half**2 * size * (size // 2 + 1) + half * channels + 2 * (2 * half + channels)


def test_the_decoder_has_the_parameters_of_thirteen_masked_layers_and_eleven_skips() -> None:
    maps = 32 * 4 * 28 * 28 + 4 * 28 * 28
    first = 64 * 7 * 4 + 4 * 64 * 7 * 7 + 2 * 64
    blocks = 4 * _block(64, 7) + 4 * _block(64, 5) + 4 * _block(64, 3)
    skips = 4 * _block(64, 7) + 4 * _block(64, 5) + 3 * _block(64, 3)
    last = 64 * 64 + 2 * 64 + 64
    generator = ResNetPixelCNN((1, 28, 28), 10, 0).generator(32)
    assert _count(generator) == maps + first + blocks + skips + last
    assert sum(isinstance(layer, MaskedConv) for layer in generator.modules()) == 13 + 11
    assert len(LARGE) == 13


def test_the_encoder_has_the_parameters_of_three_residual_blocks_of_64_channels_and_512_units() -> None:
    def block(inputs: int) -> int:
        return inputs * 64 * 9 + 64 * 64 * 9 + inputs * 64 + 3 * 2 * 64

    expected = block(1) + 2 * block(64) + 64 * 512 * 4 * 4 + 2 * 512 + 512 * 64 + 64
    assert _count(ResNetPixelCNN((1, 28, 28), 10, 0).encoder(64)) == expected


def test_the_small_one_has_seven_masked_layers_of_16_channels() -> None:
    generator = SmallResNetPixelCNN((1, 28, 28), 10, 0).generator(32)
    masked = [layer for layer in generator.modules() if isinstance(layer, MaskedConv)]
    assert len(masked) == 7 + 5
    assert {layer.out_channels for layer in masked} == {16, 8}


def test_it_learns_that_the_last_pixel_repeats_the_first() -> None:
    decoder = AutoregressiveBernoulli(PixelCNN(3, 2, 2, channels=8, kernels=(3, 3, 3)))
    optimizer = torch.optim.Adam(decoder.parameters(), 2e-2)
    for _ in range(100):
        x = torch.rand(64, 1, 2, 2).round()
        x[..., 1, 1] = x[..., 0, 0]
        loss = -decoder.log_prob(x, torch.zeros(64, 3)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # Three fair coins; the last pixel costs nothing.
    assert loss.item() == pytest.approx(3 * math.log(2), abs=0.1)
