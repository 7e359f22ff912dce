from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal, kl_divergence

from methods.core.distributions import Dirac, gaussian, mixture, standard_normal
from methods.core.losses import covariance_distance, gaussian_rate, has_rate, ks_distance, rate


def _posterior(rows: int = 7, latent: int = 3) -> Independent:
    return gaussian(torch.randn(rows, 2 * latent).double())


def _prior() -> Distribution:
    return mixture(torch.tensor([0.3, 0.7]).double(), torch.randn(2, 3).double(), 1.0)


@pytest.mark.parametrize(
    ("mean", "variance", "target", "nats"),
    [
        (0.0, 1.0, 0.0, 0.0),
        (1.0, 1.0, 0.0, 0.5),
        (5.0, 1.0, 2.0, 4.5),
        (0.0, math.e, 0.0, (math.e - 2) / 2),
        (0.0, 1 / math.e, 0.0, 1 / (2 * math.e)),
    ],
)
def test_the_gaussian_rate_has_the_value_computed_by_hand(
    mean: float, variance: float, target: float, nats: float
) -> None:
    posterior = gaussian(torch.tensor([[mean, math.log(variance)]]).double())
    assert gaussian_rate(posterior, torch.tensor([[target]]).double()).item() == pytest.approx(nats)


def test_the_gaussian_rate_is_torchs_divergence() -> None:
    posterior, mean = _posterior(), torch.randn(7, 3).double()
    target = Independent(Normal(mean, torch.ones_like(mean)), 1)
    torch.testing.assert_close(gaussian_rate(posterior, mean), kl_divergence(posterior, target))


def test_the_gaussian_rate_is_to_the_standard_normal_where_no_mean_is_given() -> None:
    posterior = _posterior()
    torch.testing.assert_close(gaussian_rate(posterior), gaussian_rate(posterior, torch.zeros(7, 3).double()))


def test_the_rate_of_two_diagonal_gaussians_is_exact_and_ignores_the_draw() -> None:
    posterior, prior = _posterior(), standard_normal(3, like=torch.zeros(1).double())
    first, second = (rate(posterior, prior, posterior.sample()) for _ in range(2))
    assert torch.equal(first, second)
    torch.testing.assert_close(first, gaussian_rate(posterior))


def test_the_rate_under_a_mixture_is_the_log_ratio_at_the_draw() -> None:
    posterior, prior = _posterior(), _prior()
    z = posterior.sample()
    log_q = stats.norm.logpdf(z, posterior.mean, posterior.stddev).sum(1)
    means, weights = prior.component_distribution.mean, prior.mixture_distribution.probs
    density = sum(w.item() * stats.norm.pdf(z, m, 1).prod(1) for w, m in zip(weights, means, strict=True))
    np.testing.assert_allclose(rate(posterior, prior, z), log_q - np.log(density))


def test_the_exact_rate_is_the_mean_log_ratio() -> None:
    posterior, prior = _posterior(rows=1), standard_normal(3, like=torch.zeros(1).double())
    z = posterior.sample(torch.Size([20_000])).squeeze(1)
    ratio = posterior.log_prob(z) - prior.log_prob(z)
    error = ratio.std().item() / math.sqrt(len(ratio))
    # Five standard errors of the mean: false alarm below 1e-6.
    assert rate(posterior, prior, z[:1]).item() == pytest.approx(ratio.mean().item(), abs=5 * error)


@pytest.mark.parametrize(
    ("distribution", "has"),
    [
        (gaussian(torch.zeros(2, 6)), True),
        (standard_normal(3, like=torch.zeros(1)), True),
        (mixture(torch.tensor([1.0]), torch.zeros(1, 3), 1.0), True),
        (MultivariateNormal(torch.zeros(3), torch.eye(3)), True),
        (Dirac(torch.zeros(2, 3)), False),
    ],
    ids=["gaussian", "standard normal", "mixture", "full covariance", "dirac"],
)
def test_what_has_a_density_has_a_rate(distribution: Distribution, has: bool) -> None:
    assert has_rate(distribution) is has


@pytest.mark.parametrize(("rows", "components", "scale"), [(1, 1, 1.0), (6, 3, 1.0), (20, 5, 0.5)])
def test_ks_is_the_squared_difference_of_distribution_functions(rows: int, components: int, scale: float) -> None:
    z, means = torch.randn(rows, 4).double(), torch.randn(components, 4).double()
    expected = np.zeros((rows, 4))
    for j in range(4):
        for i, value in enumerate(sorted(z[:, j].tolist())):
            share = np.mean([stats.norm.cdf(value, mean, scale) for mean in means[:, j].tolist()])
            expected[i, j] = (share - (i + 1) / rows) ** 2
    np.testing.assert_allclose(ks_distance(z, means, scale), expected, atol=1e-15)


def test_ks_of_perfect_quantiles_is_what_the_staircase_alone_costs() -> None:
    quantiles = torch.special.ndtri((torch.arange(1, 101).double() - 0.5) / 100).unsqueeze(1)
    torch.testing.assert_close(
        ks_distance(quantiles, torch.zeros(1, 1).double(), 1.0), torch.full((100, 1), 2.5e-5).double()
    )


def test_ks_does_not_depend_on_the_order_of_rows() -> None:
    z, means = torch.randn(9, 4).double(), torch.randn(2, 4).double()
    assert torch.equal(ks_distance(z[torch.randperm(9)], means, 1.0), ks_distance(z, means, 1.0))


def test_ks_has_gradients_through_the_mixtures_distribution_function_alone() -> None:
    z, means = torch.randn(9, 2).double(), torch.randn(3, 2).double()
    z.requires_grad_()
    (found,) = torch.autograd.grad(ks_distance(z, means, 1.0).sum(), z)
    with torch.no_grad():
        rank = z.argsort(0).argsort(0) + 1
        gap = z.unsqueeze(1) - means
        density = Normal(0.0, 1.0).log_prob(gap).exp().mean(1)
        expected = 2 * (torch.special.ndtr(gap).mean(1) - rank / 9) * density
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("rows", [1, 2, 30])
def test_the_covariance_is_numpys_divided_by_the_rows(rows: int) -> None:
    z, target = torch.randn(rows, 4).double(), torch.randn(4, 4).double()
    expected = (np.cov(z.numpy().T, bias=True) - target.numpy()) ** 2
    np.testing.assert_allclose(covariance_distance(z, target), expected)


def test_the_covariance_distance_has_right_gradients() -> None:
    z: Tensor = torch.randn(5, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda codes: covariance_distance(codes, torch.eye(3).double()), z)
