from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from methods.core import pseudocoreset
from methods.core.base import Batch, Decoder
from methods.core.pseudocoreset import coreset_gradient
from pipelines import networks


def _decoder(likelihood: str = "bernoulli") -> Decoder:
    domain = networks.build("mlp", event=(1, 2, 3), rows=40, classes=0, likelihood=likelihood)
    return domain.decoder(2).double()


class UnitGaussian(Decoder):
    """x ~ N(z, 1), with data of one value."""

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        return Normal(z[:, 0], 1).log_prob(x[:, 0])

    def mean(self, z: Tensor) -> Tensor:
        return z

    def sample(self, z: Tensor) -> Tensor:
        return torch.normal(z, 1.0)


def _batch(x: Tensor) -> Batch:
    return Batch(x, x, torch.arange(len(x)))


def _posterior(points: Tensor, weights: Tensor) -> Normal:
    """Of z ~ N(0, 1) given weighted data x ~ N(z, 1), conjugate."""
    precision = 1 + weights.sum()
    return Normal((weights * points).sum() / precision, precision.rsqrt())


def test_between_gaussians_it_is_the_gradient_of_the_divergence_in_closed_form() -> None:
    data = torch.tensor([1.0, 2.0, 0.5, 1.5, -0.3, 0.8]).double()
    points = torch.tensor([0.4, -0.6]).double().requires_grad_()
    weights = torch.tensor([2.0, 3.0]).double().requires_grad_()
    distance = kl_divergence(_posterior(points, weights), _posterior(data, torch.ones(6).double()))
    expected = torch.cat(torch.autograd.grad(distance, (points, weights)))
    estimates = []
    for _ in range(40):
        draws = _posterior(points, weights).sample(torch.Size([2000])).unsqueeze(1)
        slopes = coreset_gradient(
            UnitGaussian(), _batch(data.unsqueeze(1)), points.detach().unsqueeze(1), weights.detach(), draws, 6
        )
        estimates.append(torch.cat([slopes[0].squeeze(1), slopes[1]]))
    found = torch.stack(estimates)
    # Five standard errors of the mean of 40: a false alarm below 1e-5.
    assert ((found.mean(0) - expected).abs() < 5 * found.std(0) / math.sqrt(40)).all()
    assert (expected.abs() > 20 * found.std(0) / math.sqrt(40)).all()


def test_it_is_what_loops_over_draws_and_data_give() -> None:
    decoder = _decoder()
    x, points, weights = torch.rand(4, 1, 2, 3).double(), torch.rand(3, 1, 2, 3).double(), torch.rand(3).double()
    draws = torch.randn(5, 2).double()
    found = coreset_gradient(decoder, _batch(x), points, weights, draws, 40)
    logits = decoder.mean(draws).detach().flatten(1).logit().numpy()

    def score(u: Tensor, s: int) -> float:
        return float((u.flatten().numpy() * logits[s]).sum() - np.logaddexp(0, logits[s]).sum())

    residual = [
        10 * sum(score(one, s) for one in x) - sum(float(weights[m]) * score(points[m], s) for m in range(3))
        for s in range(5)
    ]
    for m in range(3):
        to_weight = -np.cov([score(points[m], s) for s in range(5)], residual)[0, 1]
        assert found[1][m].item() == pytest.approx(to_weight)
        to_pixels = [-float(weights[m]) * np.cov(logits[:, i], residual)[0, 1] for i in range(6)]
        np.testing.assert_allclose(found[0][m].flatten(), to_pixels)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "logistic256"])
def test_many_data_are_decoded_in_pieces(likelihood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = _decoder(likelihood)
    arguments = _batch(torch.rand(4, 1, 2, 3).double()), torch.rand(3, 1, 2, 3).double(), torch.rand(3).double()
    draws = torch.randn(9, 2).double()
    whole = coreset_gradient(decoder, *arguments, draws, 40)
    monkeypatch.setattr(pseudocoreset, "_ENTRIES", 50)
    torch.testing.assert_close(coreset_gradient(decoder, *arguments, draws, 40), whole)


def test_data_that_the_coreset_stands_for_already_leave_it_at_rest() -> None:
    decoder = _decoder()
    x = torch.rand(4, 1, 2, 3).double()
    slopes = coreset_gradient(decoder, _batch(x), x, torch.full((4,), 10.0).double(), torch.randn(9, 2).double(), 40)
    torch.testing.assert_close(slopes, (torch.zeros_like(x), torch.zeros(4).double()))
