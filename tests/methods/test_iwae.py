from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

import methods
from methods.core.base import Batch, Decoder, Method
from pipelines import networks
from pipelines.datasets.dataset import Dataset


class LinearGaussian(Decoder):
    """N(W z, I / 2), under which x has a Gaussian density in closed form."""

    def __init__(self, code: int, values: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(values, code).double())

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        return -((x.flatten(1) - self.mean(z)).square() + 0.5 * math.log(math.pi)).sum(1)

    def mean(self, z: Tensor) -> Tensor:
        return z @ self.weight.mT

    def sample(self, z: Tensor) -> Tensor:
        return self.mean(z)


def _method(name: str = "iwae", **hyper: object) -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build(name, domain, 3, **hyper).double()


def _batch(digits: Dataset, rows: int = 20) -> Batch:
    batch = digits.data.train[torch.arange(rows)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


def _objective(method: Method, batch: Batch) -> float:
    return sum(term.item() for term in method.loss(batch).values())


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_the_terms_sum_to_the_logarithm_of_the_mean_weight(samples: int, digits: Dataset) -> None:
    method, batch = _method(samples=samples), _batch(digits)
    torch.manual_seed(1)
    found = _objective(method, batch)
    torch.manual_seed(1)
    posterior = method.posterior(batch.x)
    z = posterior.rsample(torch.Size([samples])).detach()
    mean, deviation = posterior.mean.detach().numpy(), posterior.stddev.detach().numpy()
    total = 0.0
    for row in range(20):
        weights = [
            method.decoder.log_prob(batch.x[row : row + 1], code[row : row + 1]).item()
            + stats.norm.logpdf(code[row]).sum()
            - stats.norm.logpdf(code[row], mean[row], deviation[row]).sum()
            for code in z
        ]
        total += math.log(np.mean(np.exp(weights)))
    assert found == pytest.approx(-total / 20)


def test_with_one_sample_it_is_the_vae_with_its_rate_at_the_sampled_code(digits: Dataset) -> None:
    method, vae, batch = _method(samples=1), _method("vae"), _batch(digits)
    torch.manual_seed(1)
    terms = method.loss(batch)
    torch.manual_seed(1)
    expected = vae.loss(batch)
    torch.manual_seed(1)
    z = vae.posterior(batch.x).rsample()
    torch.testing.assert_close(terms["reconstruction"], expected["reconstruction"])
    torch.testing.assert_close(terms["rate"], (vae.posterior(batch.x).log_prob(z) - vae.prior().log_prob(z)).mean())
    assert terms["gain"].abs() < 1e-12


def test_more_samples_never_loosen_the_bound(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    found = {}
    for samples in (1, 2, 5, 20):
        method.samples = samples
        found[samples] = np.array([_objective(method, batch) for _ in range(200)])
    for few, many in ((1, 2), (2, 5), (5, 20)):
        error = math.hypot(found[few].std(), found[many].std()) / math.sqrt(200)
        # Better by five standard errors of the difference.
        assert found[many].mean() < found[few].mean() - 5 * error


def test_many_samples_come_near_the_exact_likelihood(digits: Dataset) -> None:
    method, batch = _method(samples=10_000), _batch(digits, rows=3)
    method.decoder = LinearGaussian(3, 64)
    with torch.no_grad():
        method.decoder.weight.mul_(0.1)
    weight = method.decoder.weight.detach().numpy()
    exact = stats.multivariate_normal(np.zeros(64), weight @ weight.T + 0.5 * np.eye(64))
    x = batch.x.flatten(1).numpy()
    assert _objective(method, batch) == pytest.approx(-exact.logpdf(x).mean(), abs=0.05)
    method.samples = 1
    assert _objective(method, batch) > -exact.logpdf(x).mean() + 0.1


def test_the_gain_is_never_positive(digits: Dataset) -> None:
    assert _method(samples=5).loss(_batch(digits))["gain"] < 0


def test_rows_are_matched_with_their_own_codes(digits: Dataset) -> None:
    """The objective of a batch is the mean of those of its rows, each with the noise it had in the batch."""
    method, batch = _method(samples=400), _batch(digits, rows=4)
    alone = [_objective(method, Batch(batch.x[i : i + 1], batch.grey[i : i + 1], batch.index[:1])) for i in range(4)]
    assert _objective(method, batch) == pytest.approx(np.mean(alone), rel=0.01)
