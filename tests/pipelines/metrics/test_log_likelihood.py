from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

import methods
from methods.core.base import Data, Decoder, Domain, Method, Split, Terms
from methods.core.distributions import gaussian
from pipelines import networks
from pipelines.metrics import registry
from pipelines.metrics.isolation import isolated
from pipelines.metrics.log_likelihood import log_mean, log_weights
from pipelines.metrics.subject import NotMeasurable, Settings, Subject

LATENT, VALUES, NOISE = 3, 6, 0.5


class _Affine(Decoder):
    """x ~ N(W z + b, NOISE^2 I)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(LATENT, VALUES).double()

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        return torch.distributions.Normal(self.layer(z), NOISE).log_prob(x).sum(1)

    def mean(self, z: Tensor) -> Tensor:
        return self.layer(z)

    def sample(self, z: Tensor) -> Tensor:
        return self.layer(z) + NOISE * torch.randn(len(z), VALUES)


class _Plain(Domain):
    def encoder(self, outputs: int) -> nn.Module:
        return nn.Linear(VALUES, outputs).double()

    def decoder(self, code: int) -> Decoder:
        return _Affine()


class _LinearGaussian(Method):
    """A method whose log p(x) is known. The posterior is the exact one, but wider: importance weights vary."""

    def loss(self, batch) -> Terms:
        raise AssertionError("measuring does not train")

    def posterior(self, x: Tensor, y: Tensor | None = None):
        weights, bias = self.decoder.layer.weight, self.decoder.layer.bias
        precision = torch.eye(LATENT) + weights.mT @ weights / NOISE**2
        mean = (x - bias) @ weights @ precision.inverse() / NOISE**2
        variances = 1.5 * precision.inverse().diagonal()
        return gaussian(torch.cat([mean, variances.log().expand_as(mean)], 1))

    def exact(self, x: Tensor) -> Tensor:
        weights = self.decoder.layer.weight
        covariance = weights @ weights.mT + NOISE**2 * torch.eye(VALUES)
        return MultivariateNormal(self.decoder.layer.bias, covariance).log_prob(x)


def _model() -> tuple[_LinearGaussian, Tensor]:
    torch.manual_seed(0)
    method = _LinearGaussian(_Plain((VALUES,), 10), LATENT).double()
    return method, torch.randn(40, VALUES).double()


def _subject(method: Method, x: Tensor, **settings: int) -> Subject:
    split = Split(x, x)
    return Subject(method, Data(split, split, split), Settings(**settings))


def test_a_linear_gaussian_models_log_likelihood_is_the_closed_form() -> None:
    method, x = _model()
    found = registry.measure(_subject(method, x, samples=20_000), "log_likelihood")
    exact = method.exact(x).mean().item()
    # Five of its own errors of sampling: false alarm 6e-7. The bias, half the variance, is far below.
    assert found.values["log_likelihood"] == pytest.approx(exact, abs=5 * found.record["error_of_sampling"])
    assert found.record["error_of_sampling"] < 0.005


def test_the_error_of_sampling_is_the_spread_over_seeds() -> None:
    method, x = _model()
    runs = [registry.measure(_subject(method, x, samples=200, seed=seed), "log_likelihood") for seed in range(40)]
    spread = torch.tensor([run.values["log_likelihood"] for run in runs]).std().item()
    told = sum(run.record["error_of_sampling"] for run in runs) / len(runs)
    # A deviation of 40 draws errs by 11 %; five of them.
    assert told == pytest.approx(spread, rel=0.56)


def test_the_standard_error_is_that_of_a_mean_over_rows() -> None:
    method, x = _model()
    found = registry.measure(_subject(method, x, samples=20_000), "log_likelihood")
    expected = method.exact(x).std().item() / math.sqrt(len(x))
    assert found.values["log_likelihood_error"] == pytest.approx(expected, rel=0.02)


def test_one_sample_is_the_elbo_and_more_are_above_it() -> None:
    method, x = _model()
    one, many = (
        registry.measure(_subject(method, x.repeat(50, 1), samples=samples), "log_likelihood").values["log_likelihood"]
        for samples in (1, 500)
    )
    with isolated(method, 1):
        split = _subject(method, x.repeat(200, 1)).split
        elbo = log_weights(method, split[torch.arange(len(split))], method.prior(), 1).mean().item()
    assert one == pytest.approx(elbo, abs=0.2)
    assert many > one + 0.1


def test_chunks_draw_exactly_the_samples_asked_for() -> None:
    method, x = _model()
    batch = Split(x, x)[torch.arange(40)]
    with isolated(method, 0):
        assert log_weights(method, batch, method.prior(), 333).shape == (333, 40)


def test_the_effective_number_is_all_of_equal_weights_and_one_of_a_single_weight() -> None:
    weights = torch.full((8, 2), -1000.0)
    weights[0, 1] = 0.0
    log_p, effective = log_mean(weights)
    assert effective.tolist() == pytest.approx([8, 1])
    assert log_p.tolist() == pytest.approx([-1000, -math.log(8)])


def test_fewer_rows_are_a_random_choice_that_follows_the_seed() -> None:
    method, x = _model()
    subject = _subject(method, x)
    chosen = subject.some(10)
    assert torch.equal(chosen.x, subject.some(10).x)
    assert not torch.equal(chosen.x, _subject(method, x, seed=1).some(10).x)
    assert len({tuple(row) for row in chosen.x.tolist()} & {tuple(row) for row in x.tolist()}) == 10


@pytest.mark.parametrize("name", ["ae", "vq_vae", "two_stage_vae"])
def test_methods_without_densities_or_with_a_single_code_have_none(name: str) -> None:
    domain = networks.build("mlp", event=(1, 2, 2), rows=16, classes=2, likelihood="bernoulli")
    with pytest.raises(NotMeasurable, match=r"single code|no density"):
        registry.measure(_subject(methods.build(name, domain, 4), torch.rand(8, 1, 2, 2)), "log_likelihood")
