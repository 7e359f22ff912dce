from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

import methods
from methods.core.base import Data, Method, Split
from methods.core.codes import encode
from methods.core.losses import has_rate
from pipelines import networks
from pipelines.datasets.dataset import Dataset


def _method(latent: int = 3, likelihood: str = "bernoulli") -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood=likelihood)
    return methods.build("ae", domain, latent)


def _finished(digits: Dataset, latent: int = 3) -> Method:
    method = _method(latent)
    with torch.no_grad():
        method.encoder[-1].weight.mul_(10)  # codes that vary by about one
        method.finish(digits.data)
    return method


def test_the_objective_is_the_cross_entropy_of_the_code_alone(digits: Dataset) -> None:
    method, batch = _method(), digits.data.train[torch.arange(20)]
    terms = method.loss(batch)
    mean = method.decode(method.encoder(batch.x)).detach().double().numpy()
    x = batch.x.double().numpy()
    expected = -(x * np.log(mean) + (1 - x) * np.log(1 - mean)).sum((1, 2, 3)).mean()
    assert set(terms) == {"reconstruction"}
    assert terms["reconstruction"].item() == pytest.approx(expected, rel=1e-5)


def test_with_gaussian_likelihood_the_objective_is_the_squared_error_and_a_constant(digits: Dataset) -> None:
    method, batch = _method(likelihood="gaussian"), digits.data.train[torch.arange(20)]
    error = (batch.x - method.decode(method.encoder(batch.x))).square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(method.loss(batch)["reconstruction"], error + 32 * math.log(math.pi))


def test_nothing_in_the_objective_is_random(digits: Dataset) -> None:
    method, batch = _method(), digits.data.train[torch.arange(20)]
    assert torch.equal(method.loss(batch)["reconstruction"], method.loss(batch)["reconstruction"])


def test_codes_have_no_density_and_so_no_rate(digits: Dataset) -> None:
    assert not has_rate(_method().posterior(digits.data.test.x))


@pytest.mark.parametrize("latent", [1, 2, 5])
def test_the_prior_is_the_gaussian_with_mean_and_covariance_of_the_training_codes(latent: int, digits: Dataset) -> None:
    method = _finished(digits, latent)
    codes = encode(method, digits.data.train).double().numpy()
    prior = method.prior()
    np.testing.assert_allclose(prior.mean, codes.mean(0), rtol=1e-5, atol=1e-6)
    covariance = np.cov(codes.T).reshape(latent, latent)
    np.testing.assert_allclose(prior.covariance_matrix, covariance, rtol=1e-4, atol=1e-5)


def test_the_prior_scores_codes_as_scipy_does(digits: Dataset) -> None:
    method = _finished(digits)
    codes = encode(method, digits.data.train).double().numpy()
    expected = stats.multivariate_normal(codes.mean(0), np.cov(codes.T)).logpdf(codes[:50])
    np.testing.assert_allclose(method.prior().log_prob(torch.from_numpy(codes[:50]).float()), expected, rtol=1e-3)


def test_draws_of_the_prior_have_the_covariance_of_the_codes(digits: Dataset) -> None:
    method = _finished(digits)
    codes = encode(method, digits.data.train).double().numpy()
    draws = method.prior().sample(torch.Size([100_000])).double()
    products = torch.einsum("ni,nj->nij", draws - draws.mean(0), draws - draws.mean(0))
    # Five standard errors of the averaged products: false alarm below 1e-6.
    error = 5 * products.std(0).numpy() / math.sqrt(len(draws))
    assert (np.abs(products.mean(0).numpy() - np.cov(codes.T)) < error).all()


def test_before_the_end_of_training_the_prior_is_standard_normal() -> None:
    z = torch.randn(5, 3)
    expected = stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(z)
    np.testing.assert_allclose(_method().prior().log_prob(z), expected, rtol=1e-5)


@pytest.mark.parametrize("rows", [2, 5])
def test_fewer_rows_than_dimensions_still_have_a_prior(rows: int, digits: Dataset) -> None:
    method, few = _method(latent=8), digits.data.train.head(rows)
    method.finish(Data(few, few, few))
    assert method.prior().sample(torch.Size([3])).isfinite().all()


def test_unused_dimensions_leave_a_prior_however_far_apart_the_codes_are(digits: Dataset) -> None:
    method = _method()
    with torch.no_grad():
        method.encoder[-1].weight.mul_(1e6)
        method.encoder[-1].weight[1] = method.encoder[-1].weight[0]
    method.finish(digits.data)
    assert method.prior().sample(torch.Size([3])).isfinite().all()


def test_codes_that_are_all_the_same_still_have_a_prior(digits: Dataset) -> None:
    method, row = _method(), digits.data.train.x[:1]
    same = Split(row.expand(50, 1, 8, 8), row.expand(50, 1, 8, 8))
    method.finish(Data(same, same, same))
    torch.testing.assert_close(method.prior().mean, method.encoder(row).squeeze(0))
