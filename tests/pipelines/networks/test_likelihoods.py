from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from methods.core.base import Decoder
from methods.core.errors import BadInput
from pipelines.networks import likelihoods
from pipelines.networks.likelihoods import (
    Bernoulli,
    Gaussian,
    HeteroscedasticGaussian,
    LearnedGaussian,
    Logistic256,
)

EVENT = (2, 3, 4)
VALUES = 24


def _decoder(name: str, *, dtype: torch.dtype = torch.double) -> Decoder:
    torch.manual_seed(0)
    return likelihoods.build(name, nn.Linear(5, VALUES * likelihoods.outputs_per_value(name)), EVENT).to(dtype)


def _logits(decoder: Decoder, z: Tensor) -> Tensor:
    return decoder.get_submodule("network")(z).detach()


def _fixed(mean: float, log_scale: float, dtype: torch.dtype = torch.double) -> Logistic256:
    """A logistic of 256 values that all have one mean and scale, whatever the code."""
    network = nn.Linear(1, 256)
    nn.init.zeros_(network.weight)
    nn.init.constant_(network.bias, math.log(mean / (1 - mean)))
    decoder = Logistic256(network, (1, 16, 16))
    nn.init.constant_(decoder.log_scale, log_scale)
    return decoder.to(dtype)


def _probabilities(decoder: Logistic256, dtype: torch.dtype = torch.double) -> np.ndarray:
    """Of each of the 256 levels, from images that have this level everywhere."""
    levels = (torch.arange(256) + 0.5) / 256
    images = levels.view(256, 1).expand(256, 256).reshape(256, 1, 16, 16).to(dtype)
    total = decoder.log_prob(images, torch.zeros(256, 1, dtype=dtype))
    return (total / 256).exp().detach().double().numpy()


@pytest.mark.parametrize("name", likelihoods.names())
def test_shapes(name: str) -> None:
    decoder, z = _decoder(name), torch.randn(7, 5).double()
    assert decoder.log_prob(torch.rand(7, *EVENT).double(), z).shape == (7,)
    assert decoder.mean(z).shape == decoder.sample(z).shape == (7, *EVENT)


@pytest.mark.parametrize("name", likelihoods.names())
def test_the_mean_of_many_draws_is_the_mean(name: str) -> None:
    decoder, z = _decoder(name), torch.randn(1, 5).double()
    draws = decoder.sample(z.expand(20_000, 5)).detach()
    # Five standard errors: false alarm below 1e-6 each. The logistic's mean is moved by its cut ends, see below.
    slack = 0.02 if name == "logistic256" else 0.0
    error = 5 * draws.std(0) / math.sqrt(len(draws)) + slack
    assert ((draws.mean(0) - decoder.mean(z).squeeze(0)).abs() < error).all()


@pytest.mark.parametrize("name", likelihoods.names())
@pytest.mark.parametrize("extreme", [0.0, 1.0])
def test_the_ends_of_the_intensities_have_a_finite_likelihood(name: str, extreme: float) -> None:
    decoder = _decoder(name, dtype=torch.float32)
    x = torch.full((3, *EVENT), extreme)
    assert decoder.log_prob(x, 100 * torch.randn(3, 5)).isfinite().all()


def test_bernoulli_is_torchs() -> None:
    decoder, z = _decoder("bernoulli"), torch.randn(7, 5).double()
    x = torch.rand(7, *EVENT).round().double()
    expected = torch.distributions.Bernoulli(logits=_logits(decoder, z)).log_prob(x.flatten(1)).sum(1)
    torch.testing.assert_close(decoder.log_prob(x, z).detach(), expected)


def test_bernoulli_of_grey_values_is_the_cross_entropy() -> None:
    decoder, z, x = _decoder("bernoulli"), torch.randn(7, 5).double(), torch.rand(7, *EVENT).double()
    mean = decoder.mean(z)
    expected = (x * mean.log() + (1 - x) * (1 - mean).log()).sum((1, 2, 3))
    torch.testing.assert_close(decoder.log_prob(x, z), expected)


def test_bernoulli_draws_zeros_and_ones() -> None:
    assert set(_decoder("bernoulli").sample(torch.randn(50, 5).double()).unique().tolist()) == {0.0, 1.0}


def test_gaussian_is_scipys_with_variance_one_half() -> None:
    decoder, z, x = _decoder("gaussian"), torch.randn(7, 5).double(), torch.rand(7, *EVENT).double()
    expected = stats.norm.logpdf(x, decoder.mean(z).detach(), math.sqrt(0.5)).sum((1, 2, 3))
    np.testing.assert_allclose(decoder.log_prob(x, z).detach(), expected)


def test_gaussian_draws_have_variance_one_half() -> None:
    draws = _decoder("gaussian").sample(torch.zeros(4_000, 5).double()).detach()
    # The variance of 96,000 independent normals has a standard error of 0.5 sqrt(2 / n).
    assert draws.var(0).mean().item() == pytest.approx(0.5, abs=5 * 0.5 * math.sqrt(2 / draws.numel()))


def test_the_means_are_the_sigmoid_of_the_networks_output() -> None:
    z = torch.randn(7, 5).double()
    for name in likelihoods.names():
        decoder = _decoder(name)
        torch.testing.assert_close(decoder.mean(z).flatten(1).detach(), _logits(decoder, z)[:, :VALUES].sigmoid())


@pytest.mark.parametrize(("mean", "log_scale"), [(0.5, -2.0), (0.3, -4.0), (1e-6, -7.0), (1 - 1e-6, 2.0), (0.9, -6.0)])
def test_the_256_probabilities_are_those_of_the_logistic_distribution_with_its_tails_in_the_end_bins(
    mean: float, log_scale: float
) -> None:
    decoder = _fixed(mean, log_scale)
    kept = decoder.mean(torch.zeros(1, 1).double())[0, 0, 0, 0].item()  # the weights were rounded to float32
    law = stats.logistic(kept, decoder.log_scale[0].exp().item())
    edges = np.concatenate([[-np.inf], np.arange(1, 256) / 256, [np.inf]])
    above, below = law.sf(edges[:-1]) - law.sf(edges[1:]), law.cdf(edges[1:]) - law.cdf(edges[:-1])
    expected = np.where(edges[:-1] > kept, above, below)  # whichever does not cancel
    np.testing.assert_allclose(_probabilities(decoder), expected, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("log_scale", [-20.0, -7.0, -5.0, -2.0, 0.0, 2.0, 20.0])
@pytest.mark.parametrize("mean", [1e-6, 0.002, 0.5, 0.7, 1 - 1e-6])
def test_the_256_probabilities_sum_to_one_in_single_precision(mean: float, log_scale: float) -> None:
    probabilities = _probabilities(_fixed(mean, log_scale, torch.float32), torch.float32)
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("mean", "log_scale"), [(0.5, -2.0), (0.05, -3.0), (0.98, -4.0)])
def test_draws_come_with_these_probabilities(mean: float, log_scale: float) -> None:
    decoder = _fixed(mean, log_scale)
    levels = (decoder.sample(torch.zeros(400, 1).double()).detach() * 256 - 0.5).round().long().flatten()
    expected = _probabilities(decoder) * len(levels)
    counts = levels.bincount(minlength=256).numpy()
    rare = expected < 5  # too rare for chi-square: they join the most frequent level
    counts[expected.argmax()] += counts[rare].sum()
    expected[expected.argmax()] += expected[rare].sum()
    assert stats.chisquare(counts[~rare], expected[~rare]).pvalue > 1e-6


def test_draws_are_centres_of_bins() -> None:
    drawn = _decoder("logistic256").sample(torch.randn(50, 5).double())
    torch.testing.assert_close(drawn * 256, (drawn * 256 - 0.5).round() + 0.5)
    assert drawn.min() >= 0.5 / 256
    assert drawn.max() <= 255.5 / 256


def test_every_intensity_of_a_bin_has_the_likelihood_of_its_centre() -> None:
    decoder = _fixed(0.4, -3.0)
    z = torch.zeros(1, 1).double()
    log_prob = partial(decoder.log_prob, z=z)
    for level in (0, 100, 255):
        values = [(level + part) / 256 for part in (0.0, 0.5, 0.99)] + [1.0] * (level == 255)
        found = [log_prob(torch.full((1, 1, 16, 16), value).double()).item() for value in values]
        assert found == pytest.approx([found[1]] * len(values))


def test_gradients_reach_mean_and_scale_and_are_finite_everywhere() -> None:
    decoder = _fixed(0.4, -6.9, torch.float32)
    x = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    gradients = torch.autograd.grad(decoder.log_prob(x, torch.zeros(1, 1)).sum(), list(decoder.parameters())[-2:])
    assert all(gradient.isfinite().all() for gradient in gradients)
    log_scale = torch.autograd.grad(decoder.log_prob(x, torch.zeros(1, 1)).sum(), decoder.log_scale)[0]
    assert log_scale.ne(0).any()


@pytest.mark.parametrize("name", ["bernouli", "Gaussian", ""])
def test_an_unknown_likelihood_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=f"unknown likelihood '{name}'"):
        likelihoods.build(name, nn.Linear(5, VALUES), EVENT)


def test_names_lead_to_likelihoods() -> None:
    found = [type(likelihoods.build(name, nn.Linear(5, VALUES), EVENT)) for name in likelihoods.names()]
    assert found == [Bernoulli, Gaussian, HeteroscedasticGaussian, LearnedGaussian, Logistic256]
