from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

import methods
from methods.core.base import Batch, Data, Decoder, Domain, Method, Split
from methods.core.losses import has_rate
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import Trial


class Copy(nn.Module):
    """Codes that are the data, with hardly any noise."""

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.tensor(-8.0))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.log_variance.expand_as(x)], 1)


class Linear(Decoder):
    def __init__(self, code: int) -> None:
        super().__init__()
        self.map = nn.Linear(code, code)

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        return -(x - self.map(z)).square().sum(1)

    def mean(self, z: Tensor) -> Tensor:
        return self.map(z)

    def sample(self, z: Tensor) -> Tensor:
        return self.map(z)


@dataclass(frozen=True)
class Copied(Domain):
    def encoder(self, outputs: int) -> nn.Module:
        return Copy()

    def decoder(self, code: int) -> Decoder:
        return Linear(code)


@dataclass(frozen=True)
class CopiedTrial(Trial):
    def build(self, domain: Domain) -> Method:
        return methods.build(self.method, Copied(domain.event, domain.rows), self.latent, **self.hyper)


def _method(**hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("two_stage_vae", domain, 4, **({"second_hidden": 30} | hyper))


def _batch(digits: Dataset) -> Batch:
    return digits.data.train[torch.arange(40)]


def test_draws_have_the_distribution_of_codes_that_are_no_gaussian() -> None:
    """Codes on a circle, far from which no Gaussian stays."""
    angle = 2 * math.pi * torch.rand(1_000)
    x = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    data = Data(*[Split(x, x)] * 3)
    hyper = {"first_epochs": 1, "second_hidden": 64, "second_layers": 2}
    trial = CopiedTrial(
        "digits", "two_stage_vae", hyper, "mlp", latent=2, epochs=50, batch_size=100, learning_rate=3e-3
    )
    training = Training(trial, Dataset(data, classes=0), torch.device("cpu"))
    while not training.done:
        training.epoch()
    radius = training.method.prior().sample(torch.Size([2_000])).norm(dim=1)
    assert radius.mean().item() == pytest.approx(2, abs=0.2)
    # Radii of a Gaussian with the same covariance have a standard deviation of 0.93.
    assert radius.std() < 0.6


def test_the_first_stages_terms_are_the_vaes(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    vae = methods.build("vae", domain, 4)
    vae.load_state_dict({name: value for name, value in method.state_dict().items() if "second" not in name})
    torch.manual_seed(3)
    found = method.loss(batch)
    torch.manual_seed(3)
    expected = vae.loss(batch)
    assert {name: found[name] for name in expected} == expected


def test_the_second_decoder_is_a_gaussian_with_one_learned_width() -> None:
    decoder = _method().second_decoder.double()
    decoder.log_gamma.data.fill_(-0.7)
    z, u = torch.randn(6, 4).double(), torch.randn(6, 4).double()
    expected = stats.norm.logpdf(z, decoder.mean(u).detach(), math.exp(-0.7)).sum(1)
    np.testing.assert_allclose(decoder.log_prob(z, u).detach(), expected)
    draws = decoder.sample(u[:1].expand(20_000, 4)).detach() - decoder.mean(u[:1]).detach()
    # A Kolmogorov-Smirnov test at 1e-6.
    assert stats.kstest(draws.flatten(), stats.norm(0, math.exp(-0.7)).cdf).pvalue > 1e-6


@pytest.mark.parametrize(
    ("epoch", "parts"),
    [
        (0, ("encoder", "decoder")),
        (2, ("encoder", "decoder")),
        (3, ("second_encoder", "second_decoder")),
        (9, ("second_encoder", "second_decoder")),
    ],
)
def test_each_epoch_belongs_to_one_stage(digits: Dataset, epoch: int, parts: tuple[str, ...]) -> None:
    method = _method(first_epochs=3)
    method.start_epoch(epoch, digits.data)
    assert [update.parts for update in method.updates(_batch(digits))] == [parts]


def test_the_second_stage_has_no_gradient_for_the_first(digits: Dataset) -> None:
    method = _method()
    terms = method.loss(_batch(digits))
    total = terms["second_reconstruction"] + terms["second_rate"]
    first = [*method.encoder.parameters(), *method.decoder.parameters()]
    assert all(gradient is None for gradient in torch.autograd.grad(total, first, allow_unused=True))


def test_the_prior_has_no_density() -> None:
    assert not has_rate(_method().prior())
