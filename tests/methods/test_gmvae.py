from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Normal

import methods
from methods.core.base import Batch, Method
from methods.gmvae import GMVAE
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(latent: int = 3, **hyper: object) -> GMVAE:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    method = methods.build("gmvae", domain, latent, **({"components": 4, "prior_latent": 2} | hyper)).double()
    assert isinstance(method, GMVAE)
    return method


def _batch(digits: Dataset, rows: int = 30) -> Batch:
    x = digits.data.train.x[:rows].double()
    return Batch(x, x, torch.arange(rows))


def _components(method: Method, w: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations (B, K, latent) from the network's output."""
    output = method.get_submodule("prior_network")(w).detach().numpy().reshape(len(w), 4, 2, 3)
    return output[:, :, 0], np.exp(0.5 * output[:, :, 1])


def test_the_terms_are_the_papers(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    torch.manual_seed(5)
    terms = method.loss(batch)
    torch.manual_seed(5)
    posterior = method.posterior(batch.x)
    z = posterior.rsample().detach().numpy()
    mean_w, log_variance_w = method.prior_encoder(batch.x).detach().chunk(2, 1)
    w = Normal(mean_w, (0.5 * log_variance_w).exp()).rsample()
    means, scales = _components(method, w)
    mu, sigma = posterior.mean.detach().numpy(), posterior.stddev.detach().numpy()
    rate_z = rate_k = 0.0
    for row in range(30):
        density = np.array([stats.norm.pdf(z[row], means[row, k], scales[row, k]).prod() for k in range(4)])
        probability = density / density.sum()
        for k in range(4):
            m, s = means[row, k], scales[row, k]
            divergence = np.log(s / sigma[row]) + (sigma[row] ** 2 + (mu[row] - m) ** 2) / (2 * s**2) - 0.5
            rate_z += probability[k] * divergence.sum() / 30
            rate_k += probability[k] * np.log(4 * probability[k]) / 30
    rate_w = 0.5 * (mean_w**2 + log_variance_w.exp() - 1 - log_variance_w).sum(1).mean()
    assert terms["rate_z"].item() == pytest.approx(rate_z)
    assert terms["rate_k"].item() == pytest.approx(rate_k)
    assert terms["rate_w"].item() == pytest.approx(rate_w.item())


def test_the_rates_of_code_and_component_bound_the_divergence_from_the_mixture(digits: Dataset) -> None:
    method, one = _method(), _batch(digits, rows=1)
    with torch.no_grad():
        method.prior_network[-1].weight.mul_(10)
        method.prior_encoder[-1].bias[2:] = -10  # w is nearly certain, so one mixture is the prior
        method.prior_encoder[-1].weight[2:] = 0
    x = one.x.expand(20_000, -1, -1, -1)
    terms = method.loss(Batch(x, x, torch.arange(20_000)))
    found = (terms["rate_z"] + terms["rate_k"]).item()
    means, scales = _components(method, method.prior_encoder(one.x)[:, :2])
    posterior = method.posterior(one.x)
    z = posterior.sample(torch.Size([20_000])).squeeze(1)
    density = np.mean([stats.norm.pdf(z, means[0, k], scales[0, k]).prod(1) for k in range(4)], axis=0)
    ratio = posterior.log_prob(z.unsqueeze(1)).squeeze(1).detach().numpy() - np.log(density)
    error = ratio.std() / math.sqrt(len(ratio))
    assert found > ratio.mean() - 5 * error
    assert found < ratio.mean() + 1


def test_component_probabilities_are_bayes_rule() -> None:
    method, z, w = _method(), torch.randn(6, 3).double(), torch.randn(6, 2).double()
    means, scales = _components(method, w)
    density = stats.norm.pdf(z.numpy()[:, None], means, scales).prod(2)
    np.testing.assert_allclose(
        method.component_probabilities(z, w).detach(), density / density.sum(1, keepdims=True), rtol=1e-6
    )


def test_one_component_that_ignores_w_is_the_vae(digits: Dataset) -> None:
    method, batch = _method(components=1), _batch(digits)
    with torch.no_grad():
        method.prior_network[-1].weight.zero_()
        method.prior_network[-1].bias.zero_()
    terms = method.loss(batch)
    posterior = method.posterior(batch.x)
    expected = 0.5 * (posterior.mean**2 + posterior.variance - 1 - posterior.variance.log()).sum(1).mean()
    torch.testing.assert_close(terms["rate_z"], expected)
    assert terms["rate_k"] == 0


def test_free_nats_of_the_component_cost_nothing(digits: Dataset) -> None:
    method = _method(free_nats=5.0)
    rate = method.loss(_batch(digits))["rate_k"]
    gradients = torch.autograd.grad(rate, list(method.parameters()), allow_unused=True, materialize_grads=True)
    assert rate.item() == 5
    assert all(gradient.eq(0).all() for gradient in gradients)


def test_the_prior_integrates_to_one() -> None:
    axis = torch.arange(-8, 8, 0.25, dtype=torch.double)
    density = _method(latent=2, components=2).prior().log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert density.sum().item() * 0.25**2 == pytest.approx(1, abs=1e-3)


def test_the_prior_is_the_average_over_w_and_components() -> None:
    method, z = _method(), torch.randn(10, 3).double()
    means, scales = _components(method, torch.randn(20_000, 2).double())
    expected, error = [], []
    for code in z.numpy():
        density = stats.norm.pdf(code, means, scales).prod(2).mean(1)
        expected.append(density.mean())
        error.append(density.std() / math.sqrt(len(density)))
    found = method.prior().log_prob(z).exp().detach().numpy()
    # Five standard errors of the Monte Carlo average, and as much for the 512 points.
    assert (np.abs(found - expected) < 10 * np.array(error) + 0.01 * np.array(expected)).all()


def test_components_of_a_trained_prior_find_the_classes(digits: Dataset) -> None:
    hyper = {"learning_rate": 3e-3, "latent": 8, "free_nats": 1.5}
    settings = {"method": "gmvae", "data": "digits", "network": "mlp", "batch_size": 50} | hyper
    training = Training(trial(settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    method, test = training.method, digits.data.test
    assert isinstance(method, GMVAE)
    assert test.y is not None
    with torch.no_grad():
        w = method.prior_encoder(test.x).chunk(2, 1)[0]
        found = method.component_probabilities(method.posterior(test.x).mean, w).argmax(1)
    members = np.zeros((10, 10))
    np.add.at(members, (found.numpy(), test.y.numpy()), 1)
    # Every component counts for its most frequent class; chance is little above a tenth.
    assert members.max(1).sum() / len(found) > 0.4
