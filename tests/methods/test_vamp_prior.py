from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.special import logsumexp

import methods
from methods.core.base import Batch, Method
from methods.core.losses import gaussian_rate
from pipelines import networks
from pipelines.datasets.dataset import Dataset


def _method(latent: int = 3, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1437, classes=10, likelihood="bernoulli")
    return methods.build("vamp_prior", domain, latent, **hyper).double()


def _batch(digits: Dataset, rows: int = 20) -> Batch:
    x = digits.data.train.x[:rows].double()
    return Batch(x, x, torch.arange(rows))


def _pin_to_the_standard_normal(method: Method) -> None:
    """Let the encoder return zeros, the statistics of N(0, I), for everything."""
    last = [layer for layer in method.encoder.modules() if isinstance(layer, torch.nn.Linear)][-1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)


def test_the_prior_is_the_mixture_of_the_posteriors_at_the_pseudo_inputs() -> None:
    method, z = _method(components=4), torch.randn(7, 3).double()
    with torch.no_grad():
        posterior = method.posterior(method.pseudo_inputs.clamp(0, 1))
        found = method.prior().log_prob(z)
    each = [
        scipy.stats.multivariate_normal(mean, np.diag(variance)).logpdf(z)
        for mean, variance in zip(posterior.mean.numpy(), posterior.variance.numpy(), strict=True)
    ]
    np.testing.assert_allclose(found, logsumexp(each, axis=0) - np.log(4), rtol=1e-6)


def test_the_prior_integrates_to_one() -> None:
    axis = torch.arange(-12, 12, 0.05).double()
    with torch.no_grad():
        density = _method(latent=2, components=3).prior().log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert density.sum().item() * 0.05**2 == pytest.approx(1, abs=1e-4)


def test_one_pseudo_input_that_encodes_to_the_standard_normal_is_the_vae(digits: Dataset) -> None:
    method, z = _method(components=1), torch.randn(5, 3).double()
    _pin_to_the_standard_normal(method)
    np.testing.assert_allclose(method.prior().log_prob(z).detach(), scipy.stats.norm.logpdf(z).sum(1))


def test_the_rate_is_a_one_sample_estimate_of_the_divergence_from_the_prior(digits: Dataset) -> None:
    """With one component at N(0, I) and a posterior elsewhere: five standard errors, false alarm below 1e-6."""
    method, batch = _method(components=1), _batch(digits)
    with torch.no_grad():
        prior, posterior = method.prior(), method.posterior(batch.x)
        found = torch.stack([method.loss(batch)["rate"] for _ in range(300)])
        mean, scale = prior.means[0], prior.scales[0]
        standardized = torch.distributions.Independent(
            torch.distributions.Normal((posterior.mean - mean) / scale, posterior.stddev / scale), 1
        )
        expected = gaussian_rate(standardized).mean()
    error = found.std().item() / np.sqrt(300)
    assert found.mean().item() == pytest.approx(expected.item(), abs=5 * error)


def test_the_rate_teaches_encoder_and_pseudo_inputs(digits: Dataset) -> None:
    method = _method()
    rate = method.loss(_batch(digits))["rate"]
    gradients = torch.autograd.grad(rate, [method.pseudo_inputs, *method.encoder.parameters()])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    # No value of a pseudo-input starts where it could never move.
    assert gradients[0].ne(0).float().mean() > 0.9


def test_components_are_drawn_equally_often_and_not_the_first_ones() -> None:
    counts = _method(components=5).prior().sample_components(10_000).bincount(minlength=5)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-6


def test_pseudo_inputs_start_as_noise_around_the_level() -> None:
    start = _method(level=0.3).pseudo_inputs.detach()
    assert start.mean().item() == pytest.approx(0.3, abs=0.001)
    assert start.std().item() == pytest.approx(0.01, rel=0.05)


def test_pseudo_inputs_start_as_training_rows_where_asked(digits: Dataset) -> None:
    method = _method(start="data", components=30)
    with torch.no_grad():
        method.start_epoch(0, digits.data)
    distances = torch.cdist(method.pseudo_inputs.detach().flatten(1), digits.data.train.grey.double().flatten(1))
    assert distances.min(1).values.max() < 5 * 0.01 * 8  # 64 values with noise of 0.01 each
    assert len(distances.argmin(1).unique()) > 20


def test_later_epochs_leave_the_pseudo_inputs_alone(digits: Dataset) -> None:
    method = _method(start="data")
    before = method.pseudo_inputs.detach().clone()
    with torch.no_grad():
        method.start_epoch(1, digits.data)
    assert torch.equal(method.pseudo_inputs, before)


@pytest.mark.parametrize(("warmup_epochs", "weights"), [(0, [1, 1, 1]), (2, [0.5, 1, 1])])
def test_the_weight_of_the_rate_grows_linearly(digits: Dataset, warmup_epochs: int, weights: list[float]) -> None:
    method, batch = _method(warmup_epochs=warmup_epochs), _batch(digits)
    for epoch, weight in enumerate(weights):
        torch.manual_seed(1)
        whole = _rate_at_full_weight(method, batch)
        with torch.no_grad():
            method.start_epoch(epoch, digits.data)
        torch.manual_seed(1)
        assert method.loss(batch)["rate"].item() == pytest.approx(weight * whole)


def _rate_at_full_weight(method: Method, batch: Batch) -> float:
    method.get_buffer("warmth").fill_(1)
    return method.loss(batch)["rate"].item()
