from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from methods.core.distributions import Dirac, gaussian, mixture, standard_normal


def _mixture() -> tuple[Tensor, Tensor]:
    weights = torch.tensor([0.2, 0.5, 0.3], dtype=torch.double)
    means = torch.tensor([[-2.0, 0.0], [1.0, 1.0], [3.0, -1.0]], dtype=torch.double)
    return weights, means


def _mixture_density(z: Tensor, scale: float) -> np.ndarray:
    weights, means = (tensor.numpy() for tensor in _mixture())
    parts = [w * stats.norm.pdf(z.numpy(), m, scale).prod(-1) for w, m in zip(weights, means, strict=True)]
    return sum(parts)


def test_half_of_the_statistics_are_means_and_half_log_variances() -> None:
    posterior = gaussian(torch.tensor([[1.0, 2.0, math.log(4.0), math.log(9.0)]]))
    torch.testing.assert_close(posterior.mean, torch.tensor([[1.0, 2.0]]))
    torch.testing.assert_close(posterior.variance, torch.tensor([[4.0, 9.0]]))


def test_the_density_of_a_gaussian_is_the_product_over_dimensions() -> None:
    statistics, z = torch.randn(5, 6).double(), torch.randn(5, 3).double()
    scale = (statistics[:, 3:] / 2).exp()
    expected = stats.norm.logpdf(z, statistics[:, :3], scale).sum(1)
    np.testing.assert_allclose(gaussian(statistics).log_prob(z), expected)


@pytest.mark.parametrize(("log_variance", "limited"), [(50.0, 10.0), (-50.0, -10.0), (math.inf, 10.0), (9.0, 9.0)])
def test_log_variances_are_limited(log_variance: float, limited: float) -> None:
    assert gaussian(torch.tensor([[0.0, log_variance]])).variance.log().item() == pytest.approx(limited)


def test_a_draw_of_a_gaussian_has_gradients_to_mean_and_log_variance() -> None:
    statistics = torch.randn(5, 6, requires_grad=True)
    (gradient,) = torch.autograd.grad(gaussian(statistics).rsample().square().sum(), statistics)
    assert gradient.ne(0).all()


def test_the_standard_normal_has_the_density_of_scipys() -> None:
    z = torch.randn(5, 3).double()
    found = standard_normal(3, like=z).log_prob(z)
    np.testing.assert_allclose(found, stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(z))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_standard_normal_is_of_the_type_of_its_example(dtype: torch.dtype) -> None:
    assert standard_normal(3, like=torch.zeros(1, dtype=dtype)).sample().dtype == dtype


@pytest.mark.parametrize("scale", [1.0, 0.3, torch.tensor(2.0, dtype=torch.double)])
def test_the_density_of_a_mixture_is_the_weighted_sum_of_its_components(scale: float | Tensor) -> None:
    z = 3 * torch.randn(50, 2).double()
    found = mixture(*_mixture(), scale).log_prob(z)
    np.testing.assert_allclose(found, np.log(_mixture_density(z, float(scale))))


def test_draws_of_a_mixture_have_its_mean_and_covariance() -> None:
    weights, means = _mixture()
    draws = mixture(weights, means, 0.5).sample(torch.Size([100_000]))
    expected = weights @ means
    spread = (weights[:, None] * (means - expected)).mT @ (means - expected) + 0.25 * torch.eye(2)
    centred = draws - expected
    products = torch.einsum("ni,nj->nij", centred, centred)
    # Averages over draws within five of their standard errors: false alarm below 1e-6 each.
    assert (centred.mean(0).abs() < 5 * centred.std(0) / math.sqrt(len(draws))).all()
    assert ((products.mean(0) - spread).abs() < 5 * products.std(0) / math.sqrt(len(draws))).all()


def test_a_component_without_weight_does_not_make_the_density_infinite() -> None:
    weights = torch.tensor([0.0, 1.0])
    prior = mixture(weights, torch.tensor([[0.0], [3.0]]), 1.0)
    z = torch.tensor([[2.5], [3.5]])
    np.testing.assert_allclose(prior.log_prob(z), stats.norm.logpdf(z.squeeze(1), 3, 1), atol=1e-5)


def test_a_dirac_draws_its_location_and_lets_gradients_through() -> None:
    location = torch.randn(4, 3, requires_grad=True)
    draws = Dirac(location).rsample(torch.Size([5]))
    assert torch.equal(draws, location.expand(5, 4, 3))
    (gradient,) = torch.autograd.grad(draws.sum(), location)
    assert gradient.eq(5).all()


def test_a_dirac_has_its_location_as_mean_and_no_variance() -> None:
    location = torch.randn(4, 3)
    assert torch.equal(Dirac(location).mean, location)
    assert torch.equal(Dirac(location).variance, torch.zeros(4, 3))


def test_a_dirac_has_no_density() -> None:
    with pytest.raises(NotImplementedError):
        Dirac(torch.zeros(4, 3)).log_prob(torch.zeros(4, 3))


@pytest.mark.parametrize(
    "distribution",
    [gaussian(torch.zeros(4, 6)), Dirac(torch.zeros(4, 3)), standard_normal(3, like=torch.zeros(1))],
    ids=["gaussian", "dirac", "standard normal"],
)
def test_a_code_is_one_event(distribution: torch.distributions.Distribution) -> None:
    assert distribution.event_shape == (3,)
