from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import MultivariateNormal, kl_divergence

import methods
from methods.core.base import Batch, Method
from pipelines import networks
from pipelines.datasets.dataset import Dataset


def _method(name: str = "cv_vae", **hyper: object) -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="gaussian")
    return methods.build(name, domain, 3, **hyper).double()


def _batch(digits: Dataset) -> Batch:
    batch = digits.data.train[torch.arange(20)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


def test_all_posteriors_have_the_same_deviation_in_every_dimension(digits: Dataset) -> None:
    posterior = _method(deviation=0.3).posterior(_batch(digits).x)
    torch.testing.assert_close(posterior.stddev, torch.full((20, 3), 0.3).double())


def test_codes_are_drawn_with_that_deviation(digits: Dataset) -> None:
    posterior = _method().posterior(_batch(digits).x)
    draws = posterior.rsample(torch.Size([5000])) - posterior.mean
    # 300,000 draws: five standard errors of the deviation, false alarm below 1e-6.
    assert draws.std().item() == pytest.approx(0.7, abs=5 * 0.7 / math.sqrt(2 * draws.numel()))


@pytest.mark.parametrize("beta", [0.039, 1.0])
def test_the_rate_is_the_divergence_between_the_gaussians(beta: float, digits: Dataset) -> None:
    method, batch = _method(beta=beta), _batch(digits)
    eye = torch.eye(3).double()
    posterior = MultivariateNormal(method.encoder(batch.x), 0.49 * eye)
    expected = kl_divergence(posterior, MultivariateNormal(eye[0] * 0, eye)).mean().item()
    assert method.loss(batch)["rate"].item() == pytest.approx(beta * expected)


def test_the_rate_moves_codes_as_the_papers_squared_norm(digits: Dataset) -> None:
    """The paper drops the constants: w / 2 |mu|^2 has the gradient w mu."""
    method, batch = _method(beta=0.1), _batch(digits)
    parameters = list(method.encoder.parameters())
    found = torch.autograd.grad(method.loss(batch)["rate"], parameters)
    paper = 0.1 * 0.5 * method.encoder(batch.x).square().sum(1).mean()
    torch.testing.assert_close(found, torch.autograd.grad(paper, parameters))


def test_the_reconstruction_is_the_squared_error_of_a_noisy_code_and_a_constant(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    torch.manual_seed(1)
    found = method.loss(batch)["reconstruction"].item()
    torch.manual_seed(1)
    z = method.encoder(batch.x) + 0.7 * torch.randn(20, 3, dtype=torch.double)
    error = (batch.x - method.decode(z)).square().sum((1, 2, 3)).mean().item()
    assert found == pytest.approx(error + 32 * math.log(math.pi))


def test_without_noise_and_rate_the_objective_is_the_autoencoders(digits: Dataset) -> None:
    ours, theirs, batch = _method(deviation=1e-6, beta=0), _method("ae"), _batch(digits)
    found, expected = (torch.stack(list(method.loss(batch).values())).sum() for method in (ours, theirs))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_prior_is_standard_normal() -> None:
    z = torch.randn(5, 3).double()
    expected = stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(z)
    np.testing.assert_allclose(_method().prior().log_prob(z), expected)
