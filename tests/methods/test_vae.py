from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.decomposition import PCA
from torch import Tensor, nn

import methods
from methods.core.base import Batch, Data, Decoder, Domain, Method, Split
from methods.core.losses import gaussian_rate
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import Trial


class LinearGaussian(Decoder):
    """N(W z + b, I / 2)."""

    def __init__(self, code: int, values: int) -> None:
        super().__init__()
        self.map = nn.Linear(code, values)

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        return -((x - self.mean(z)).square() + 0.5 * math.log(math.pi)).sum(1)

    def mean(self, z: Tensor) -> Tensor:
        return self.map(z)

    def sample(self, z: Tensor) -> Tensor:
        return self.mean(z) + math.sqrt(0.5) * torch.randn(len(z), self.map.out_features)


class LinearStatistics(nn.Module):
    """Means that are linear in x, and log-variances that are the same for every x."""

    def __init__(self, values: int, outputs: int) -> None:
        super().__init__()
        self.mean = nn.Linear(values, outputs // 2)
        self.log_variance = nn.Parameter(torch.zeros(outputs // 2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.mean(x), self.log_variance.expand(len(x), -1)], 1)


@dataclass(frozen=True)
class Linear(Domain):
    def encoder(self, outputs: int) -> nn.Module:
        return LinearStatistics(self.event[0], outputs)

    def decoder(self, code: int) -> Decoder:
        return LinearGaussian(code, self.event[0])


@dataclass(frozen=True)
class LinearTrial(Trial):
    def build(self, domain: Domain) -> Method:
        return methods.build(self.method, Linear(domain.event, domain.rows), self.latent)


def _gaussian_rows(rows: int, values: int, latent: int) -> np.ndarray:
    """Rows whose principal components beyond `latent` have an average variance of exactly one half."""
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, values)) @ random.normal(size=(values, values)) + random.normal(size=values)
    return x * math.sqrt(0.5 / PCA(latent).fit(x).noise_variance_)


def _elbo(method: Method, x: Tensor) -> float:
    """Exact: with a linear decoder the expected squared error is that at the mean plus sum_d var_d |W_d|^2."""
    posterior = method.posterior(x)
    weight = method.decoder.map.weight
    spread = posterior.variance @ weight.square().sum(0)
    return (method.decoder.log_prob(x, posterior.mean) - spread - gaussian_rate(posterior)).mean().item()


def test_a_linear_vae_trained_by_our_loop_attains_the_likelihood_of_probabilistic_pca() -> None:
    x = _gaussian_rows(rows=500, values=6, latent=2)
    split = Split(*[torch.from_numpy(x).float()] * 2)
    trial = LinearTrial("digits", "vae", network="mlp", latent=2, epochs=200, batch_size=50, learning_rate=3e-3)
    training = Training(trial, Dataset(Data(split, split, split), classes=0), torch.device("cpu"))
    while not training.done:
        training.epoch()
    likelihood = PCA(2).fit(x).score(x)
    with torch.no_grad():
        elbo = _elbo(training.method, split.x)
    assert elbo == pytest.approx(likelihood, abs=0.03)
    assert elbo < likelihood


def _method(likelihood: str = "bernoulli") -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood=likelihood)
    return methods.build("vae", domain, 3).double()


def _batch(digits: Dataset, repeats: int = 1) -> Batch:
    x = digits.data.train.x[:4].double().repeat(repeats, 1, 1, 1)
    return Split(x, x)[torch.arange(len(x))]


def test_the_rate_is_the_divergence_from_the_standard_normal(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    mean, log_variance = method.encoder(batch.x).detach().numpy().reshape(4, 2, 3).swapaxes(0, 1)
    expected = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(1).mean()
    assert method.loss(batch)["rate"].item() == pytest.approx(expected)


def test_the_reconstruction_is_the_mean_cross_entropy_over_codes_of_the_posterior(digits: Dataset) -> None:
    method, many = _method(), _batch(digits, repeats=2_000)
    posterior = method.posterior(_batch(digits).x)
    draws = posterior.mean + posterior.stddev * torch.randn(2_000, 4, 3)
    x = many.x.numpy()
    mean = method.decode(draws.flatten(0, 1)).detach().numpy()
    expected = -stats.bernoulli.logpmf(1, mean) * x - stats.bernoulli.logpmf(0, mean) * (1 - x)
    rows = expected.sum((1, 2, 3)).reshape(2_000, 4).mean(1)
    # Both averages over 2,000 draws: five standard errors of their difference, false alarm below 1e-6.
    error = 5 * math.sqrt(2) * rows.std() / math.sqrt(2_000)
    assert method.loss(many)["reconstruction"].item() == pytest.approx(rows.mean(), abs=error)


def test_the_terms_are_the_reconstruction_and_the_rate(digits: Dataset) -> None:
    assert set(_method().loss(_batch(digits))) == {"reconstruction", "rate"}


def test_the_prior_is_standard_normal() -> None:
    z = torch.randn(5, 3).double()
    expected = stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(z)
    np.testing.assert_allclose(_method().prior().log_prob(z), expected)


def test_it_learns_from_what_the_likelihood_sees_and_not_from_the_grey_rows(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    binarized = Batch(batch.x.round(), batch.grey, batch.index)
    torch.manual_seed(1)
    expected = method.loss(Batch(batch.x.round(), batch.x.round(), batch.index))
    torch.manual_seed(1)
    assert method.loss(binarized) == expected
