from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import methods
from methods.core.base import Batch, Decoder, Domain, Method
from methods.factor_vae import permuted
from pipelines import networks
from pipelines.datasets.dataset import Dataset


class Copy(nn.Module):
    """Codes that are the data, with hardly any noise."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, torch.full_like(x, -10)], 1)


class Ignorant(Decoder):
    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        return 0 * z.sum(1)

    def mean(self, z: Tensor) -> Tensor:
        return z

    def sample(self, z: Tensor) -> Tensor:
        return z


@dataclass(frozen=True)
class Copied(Domain):
    def encoder(self, outputs: int) -> nn.Module:
        return Copy()

    def decoder(self, code: int) -> Decoder:
        return Ignorant()


def _method(**hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("factor_vae", domain, 4, **({"critic_hidden": 50} | hyper))


def _batch(digits: Dataset) -> Batch:
    return digits.data.train[torch.arange(50)]


def test_every_dimension_is_permuted_on_its_own() -> None:
    z = torch.arange(60.0).view(20, 3)
    shuffled = permuted(z)
    np.testing.assert_array_equal(shuffled.sort(0).values, z)
    assert not torch.equal(shuffled[:, 0], shuffled[:, 1] - 1)


def test_permuted_codes_keep_their_marginals_and_lose_their_correlation() -> None:
    first = torch.randn(5_000)
    z = torch.stack([first, first + 0.1 * torch.randn(5_000)], 1)
    # Five standard errors of a correlation of 5,000 independent pairs.
    assert torch.corrcoef(permuted(z).mT)[0, 1].abs() < 5 / math.sqrt(5_000)


def test_a_trained_critic_estimates_the_total_correlation_of_gaussian_codes() -> None:
    """-1/2 log det of the correlation matrix: 0.51 nats at a correlation of 0.8."""
    method = methods.build("factor_vae", Copied((2,), rows=1), 2, gamma=1.0, critic_hidden=64, critic_layers=2)
    optimizer = torch.optim.Adam(method.critic.parameters(), lr=3e-3)
    factor = torch.linalg.cholesky(torch.tensor([[1.0, 0.8], [0.8, 1.0]]))

    def drawn(rows: int) -> Batch:
        x = torch.randn(rows, 2) @ factor.mT
        return Batch(x, x, torch.arange(rows))

    for _ in range(200):
        *_, update = method.updates(drawn(500))
        optimizer.zero_grad()
        update.terms["critic"].backward()
        optimizer.step()
    found = method.loss(drawn(20_000))["total_correlation"].item()
    assert found == pytest.approx(-0.5 * math.log(1 - 0.8**2), abs=0.1)


def test_without_weight_its_terms_are_the_vaes(digits: Dataset) -> None:
    method, batch = _method(gamma=0.0), _batch(digits)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    vae = methods.build("vae", domain, 4)
    state = {name: value for name, value in method.state_dict().items() if not name.startswith("critic")}
    vae.load_state_dict(state)
    found = []
    for each in (method, vae):
        torch.manual_seed(3)
        found.append(each.loss(batch))
    assert found[0].pop("total_correlation") == 0
    assert found[0] == found[1]


def test_the_critic_takes_a_step_of_its_own_after_the_others(digits: Dataset) -> None:
    updates = list(_method().updates(_batch(digits)))
    assert [update.parts for update in updates] == [("encoder", "decoder"), ("critic",)]
    assert set(updates[1].terms) == {"critic"}


def test_the_critics_loss_has_no_gradient_for_the_encoder(digits: Dataset) -> None:
    method = _method()
    *_, update = method.updates(_batch(digits))
    gradients = torch.autograd.grad(update.terms["critic"], list(method.encoder.parameters()), allow_unused=True)
    assert all(gradient is None for gradient in gradients)
