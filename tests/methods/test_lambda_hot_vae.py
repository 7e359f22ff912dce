from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

import methods
from methods.core.base import Batch, Method
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(latent: int = 12, classes: int = 10, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=classes, likelihood="bernoulli")
    return methods.build("lambda_hot_vae", domain, latent, **hyper)


def _batch(digits: Dataset) -> Batch:
    return digits.data.train[torch.arange(50)]


def _target(batch: Batch, latent: int, scale: float) -> Tensor:
    assert batch.y is not None
    means = torch.zeros(len(batch), latent)
    for row, label in enumerate(batch.y.tolist()):
        means[row, label] = scale
    return means


@pytest.mark.parametrize("scale", [0.0, 1.0, 5.0])
def test_the_rate_is_the_divergence_from_the_gaussian_on_the_axis_of_the_label(digits: Dataset, scale: float) -> None:
    method, batch = _method(scale=scale), _batch(digits)
    means = _target(batch, 12, scale)
    prior = Independent(Normal(means, torch.ones_like(means)), 1)
    expected = kl_divergence(method.posterior(batch.x), prior).mean()
    torch.testing.assert_close(method.loss(batch)["rate"], expected)


def test_the_rate_is_the_mean_log_ratio_at_codes_of_the_posterior(digits: Dataset) -> None:
    method, batch = _method().double(), _batch(digits)
    batch = Batch(batch.x.double(), batch.x.double(), batch.index, batch.y)
    posterior, means = method.posterior(batch.x), _target(batch, 12, 5.0).double()
    z = posterior.sample(torch.Size([2_000]))
    ratio = (posterior.log_prob(z) - Normal(means, 1.0).log_prob(z).sum(-1)).mean(1)
    error = ratio.std().item() / math.sqrt(len(ratio))
    # Five standard errors of the mean: false alarm below 1e-6.
    assert method.loss(batch)["rate"].item() == pytest.approx(ratio.mean().item(), abs=5 * error)


def test_the_terms_are_the_reconstruction_and_the_rate(digits: Dataset) -> None:
    assert set(_method().loss(_batch(digits))) == {"reconstruction", "rate"}


def test_the_prior_is_the_equal_weight_mixture_over_the_classes() -> None:
    z = 3 * torch.randn(20, 12)
    means = [5 * np.eye(12)[label] for label in range(10)]
    density = np.mean([stats.multivariate_normal(mean, np.eye(12)).pdf(z) for mean in means], axis=0)
    np.testing.assert_allclose(_method().prior().log_prob(z), np.log(density), rtol=1e-5)


def test_the_prior_integrates_to_one() -> None:
    axis = torch.arange(-8, 14, 0.05, dtype=torch.double)
    density = _method(latent=2, classes=2).double().prior().log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert density.sum().item() * 0.05**2 == pytest.approx(1, abs=1e-6)


def test_dimensions_beyond_the_classes_are_standard_normal() -> None:
    draws = _method().prior().sample(torch.Size([20_000]))[:, 10:]
    # Kolmogorov-Smirnov tests at 1e-6.
    assert all(stats.kstest(draws[:, i], "norm").pvalue > 1e-6 for i in range(2))


def test_after_training_the_largest_of_the_first_coordinates_is_the_label(digits: Dataset) -> None:
    settings = {"method": "lambda_hot_vae", "data": "digits", "network": "mlp", "epochs": 15, "batch_size": 50}
    training = Training(trial(settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    test = digits.data.test
    assert test.y is not None
    found = encode(training.method, test)[:, :10].argmax(1)
    # The paper's 91.9% are for MNIST.
    assert (found == test.y).float().mean() > 0.9


def test_more_classes_than_dimensions_are_refused() -> None:
    with pytest.raises(BadInput, match=r"needs latent >= the number of classes \(10\), got 9"):
        _method(latent=9)


def test_as_many_dimensions_as_classes_are_enough() -> None:
    assert _method(latent=10).prior().sample().shape == (10,)
