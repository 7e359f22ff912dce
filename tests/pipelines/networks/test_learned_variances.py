"""The Gaussian likelihoods whose variance is learned."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from pipelines.networks.likelihoods import HeteroscedasticGaussian, LearnedGaussian

EVENT = (1, 2, 3)
VALUES = 6


def _learned(gamma: float) -> LearnedGaussian:
    decoder = LearnedGaussian(nn.Linear(4, VALUES), EVENT).double()
    nn.init.constant_(decoder.log_gamma, math.log(gamma))
    return decoder


def _heteroscedastic() -> HeteroscedasticGaussian:
    return HeteroscedasticGaussian(nn.Linear(4, 2 * VALUES), EVENT).double()


@pytest.mark.parametrize("gamma", [0.01, 0.3, 1.0, 5.0])
def test_one_variance_is_scipys_normal_with_its_determinant(gamma: float) -> None:
    decoder, x, z = _learned(gamma), torch.rand(7, *EVENT).double(), torch.randn(7, 4).double()
    expected = stats.norm.logpdf(x, decoder.mean(z).detach(), gamma).sum((1, 2, 3))
    np.testing.assert_allclose(decoder.log_prob(x, z).detach(), expected)


def test_it_starts_at_a_standard_deviation_of_one() -> None:
    assert LearnedGaussian(nn.Identity(), EVENT).log_gamma.exp().item() == 1


def test_its_slope_is_zero_where_the_variance_is_the_mean_squared_error() -> None:
    decoder, x, z = _learned(1.0), torch.rand(50, *EVENT).double(), torch.randn(50, 4).double()
    error = (x - decoder.mean(z)).square().mean().item()
    nn.init.constant_(decoder.log_gamma, 0.5 * math.log(error))
    slope = torch.autograd.grad(decoder.log_prob(x, z).mean(), decoder.log_gamma)[0]
    assert slope.item() == pytest.approx(0, abs=1e-12)


def test_draws_have_the_learned_variance() -> None:
    draws = _learned(0.2).sample(torch.zeros(4_000, 4).double()).detach()
    # The variance of n independent normals has a standard error of variance * sqrt(2 / n).
    assert draws.var(0).mean().item() == pytest.approx(0.04, abs=5 * 0.04 * math.sqrt(2 / draws.numel()))


def test_a_variance_for_every_value_is_scipys_normal_of_the_networks_two_halves() -> None:
    decoder, x, z = _heteroscedastic(), torch.rand(7, *EVENT).double(), torch.randn(7, 4).double()
    mean, log_variance = decoder.network(z).detach().view(7, 2, *EVENT).unbind(1)
    expected = stats.norm.logpdf(x, mean.sigmoid(), (log_variance / 2).exp()).sum((1, 2, 3))
    np.testing.assert_allclose(decoder.log_prob(x, z).detach(), expected)


def test_the_density_of_one_value_integrates_to_one() -> None:
    grid = torch.linspace(-60, 60, 400_001).double().view(-1, 1, 1, 1)
    z = torch.randn(1, 2).double().expand(len(grid), 2)
    for decoder in (
        LearnedGaussian(nn.Linear(2, 1), (1, 1, 1)).double(),
        HeteroscedasticGaussian(nn.Linear(2, 2), (1, 1, 1)).double(),
    ):
        density = decoder.log_prob(grid, z).exp()
        assert torch.trapezoid(density, grid.flatten()).item() == pytest.approx(1, abs=1e-9)


def test_a_value_that_never_changes_is_never_surer_than_a_step_of_eight_bits() -> None:
    decoder = _heteroscedastic()
    with torch.no_grad():
        decoder.get_submodule("network").get_parameter("bias")[VALUES:] = -1000
    z = torch.zeros(3, 4).double()
    highest = decoder.log_prob(decoder.mean(z), z) / VALUES
    torch.testing.assert_close(highest, torch.full_like(highest, math.log(256 / math.sqrt(2 * math.pi))))


def test_draws_have_the_networks_variances() -> None:
    decoder = _heteroscedastic()
    z = torch.randn(1, 4).double().expand(20_000, 4)
    variance = decoder.network(z[:1])[0, VALUES:].exp().detach()
    found = decoder.sample(z).detach().flatten(1).var(0)
    assert ((found / variance - 1).abs() < 5 * math.sqrt(2 / 20_000)).all()
