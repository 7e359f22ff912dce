from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import methods
from methods.core.base import Batch, Method
from methods.core.codes import encode
from methods.core.losses import has_rate
from methods.core.mmd import inverse_multiquadratics, mmd
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(name: str = "wae_mmd", likelihood: str = "bernoulli", **hyper: object) -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood=likelihood)
    return methods.build(name, domain, 3, **hyper).double()


def _batch(digits: Dataset, rows: int = 20) -> Batch:
    batch = digits.data.train[torch.arange(rows)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


def _codes(digits: Dataset, **settings: object) -> Tensor:
    fixed = {"data": "digits", "network": "mlp", "latent": 4, "epochs": 8, "learning_rate": 3e-3}
    training = Training(trial(fixed | settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    return encode(training.method.eval(), digits.data.test)


def _brute(codes: np.ndarray, draws: np.ndarray) -> float:
    """Double loops over pairs, without i = j within a sample."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        spans = 2 * len(a) * np.array([0.1, 0.2, 0.5, 1, 2, 5, 10])
        return float((spans / (spans + ((a - b) ** 2).sum())).sum())

    n = len(codes)
    within = sum(kernel(s[i], s[j]) for s in (codes, draws) for i in range(n) for j in range(n) if i != j)
    across = sum(kernel(a, b) for a in codes for b in draws)
    return within / (n * (n - 1)) - 2 * across / n**2


@pytest.mark.parametrize("weight", [0.0, 7.0])
def test_the_penalty_is_that_of_the_codes_and_as_many_draws_of_the_prior(weight: float, digits: Dataset) -> None:
    method, batch = _method(mmd_weight=weight, pixel_noise=0), _batch(digits)
    torch.manual_seed(1)
    found = method.loss(batch)["mmd"].item()
    torch.manual_seed(1)
    draws = torch.randn(20, 3, dtype=torch.double)
    assert found == pytest.approx(weight * _brute(method.encoder(batch.x).detach().numpy(), draws.numpy()))


def test_without_penalty_and_noise_objective_and_gradients_are_the_autoencoders(digits: Dataset) -> None:
    ours, theirs, batch = _method(mmd_weight=0, pixel_noise=0), _method("ae"), _batch(digits)
    found, expected = (torch.stack(list(method.loss(batch).values())).sum() for method in (ours, theirs))
    assert found == expected
    pairs = zip(
        torch.autograd.grad(found, list(ours.parameters())),
        torch.autograd.grad(expected, list(theirs.parameters())),
        strict=True,
    )
    assert all(torch.equal(first, second) for first, second in pairs)


def test_the_encoder_sees_truncated_noise_in_training_and_the_likelihood_does_not(digits: Dataset) -> None:
    method, batch = _method(pixel_noise=0.05, likelihood="gaussian"), _batch(digits, rows=500)
    seen: list[Tensor] = []
    method.encoder.register_forward_hook(lambda module, inputs, output: seen.extend([inputs[0], output]))
    found = method.loss(batch)["reconstruction"]
    noise = (seen[0] - batch.x) / 0.05
    assert noise.abs().max() <= 2
    # 32,000 values: five standard errors of the deviation, false alarm below 1e-6.
    assert noise.std().item() == pytest.approx(stats.truncnorm(-2, 2).std(), abs=5 / np.sqrt(2 * noise.numel()))
    torch.testing.assert_close(found, -method.decoder.log_prob(batch.x, seen[1]).mean())


def test_there_is_no_noise_outside_of_training(digits: Dataset) -> None:
    method, batch = _method(pixel_noise=0.05).eval(), _batch(digits)
    z = method.encoder(batch.x)
    assert torch.equal(method.loss(batch)["reconstruction"], -method.decoder.log_prob(batch.x, z).mean())


def test_codes_are_deterministic_and_the_prior_is_standard_normal(digits: Dataset) -> None:
    posterior = _method().posterior(_batch(digits).x)
    assert not has_rate(posterior)
    assert torch.equal(posterior.rsample(), posterior.mean)
    z = torch.randn(5, 3).double()
    expected = stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(z)
    np.testing.assert_allclose(_method().prior().log_prob(z), expected)


def test_trained_codes_together_look_more_like_the_prior_than_the_autoencoders(digits: Dataset) -> None:
    ours, theirs = _codes(digits, method="wae_mmd"), _codes(digits, method="ae")
    draws = torch.randn(1000, 4)
    assert 10 * mmd(ours, draws, inverse_multiquadratics) < mmd(theirs, draws, inverse_multiquadratics)
    assert ours.mean(0).abs().max() < 0.3
