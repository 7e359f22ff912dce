from __future__ import annotations

import pytest
import torch
from scipy import stats

import methods
from methods.core.base import Batch, Method
from methods.core.codes import encode
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(**hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("adversarial_ae", domain, 4, **hyper)


def _batch(digits: Dataset) -> Batch:
    return digits.data.train[torch.arange(50)]


def test_the_adversarial_term_is_the_surprise_of_the_critic_at_codes(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    verdict = stats.logistic.cdf(method.critic(method.encoder(batch.x)).detach().double())
    expected = -stats.bernoulli.logpmf(1, verdict).mean()
    assert method.loss(batch)["adversarial"].item() == pytest.approx(expected, rel=1e-5)


def test_the_reconstruction_is_that_of_an_autoencoder(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    expected = -method.log_likelihood(batch.x, method.posterior(batch.x).mean).mean()
    torch.testing.assert_close(method.loss(batch)["reconstruction"], expected)


def test_a_batch_takes_three_steps_on_parts_of_their_own(digits: Dataset) -> None:
    found = [(tuple(terms), parts) for terms, parts in _method().updates(_batch(digits))]
    assert found == [
        (("reconstruction",), ("encoder", "decoder")),
        (("critic",), ("critic",)),
        (("adversarial",), ("encoder",)),
    ]


def test_the_critic_learns_to_prefer_the_prior_to_codes(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    optimizer = torch.optim.Adam(method.critic.parameters(), lr=3e-3)
    for _ in range(100):
        _, update, _ = method.updates(batch)
        optimizer.zero_grad()
        update.terms["critic"].backward()
        optimizer.step()
    codes, draws = method.encoder(batch.x), torch.randn(50, 4)
    assert method.critic(draws).mean() > 1
    assert method.critic(codes).mean() < -1


def test_trained_codes_have_nearly_the_moments_of_the_prior_and_an_autoencoders_have_not(digits: Dataset) -> None:
    means, scales = [], []
    for name in ("adversarial_ae", "ae"):
        settings = {"method": name, "data": "digits", "network": "mlp", "latent": 4, "batch_size": 50, "epochs": 15}
        training = Training(trial(settings), digits, torch.device("cpu"))
        while not training.done:
            training.epoch()
        codes = encode(training.method, digits.data.test)
        means.append(codes.mean(0).abs().max().item())
        scales.append((codes.std(0) - 1).abs().max().item())
    assert means[0] < 0.5 < means[1]
    assert scales[0] < 0.5 < scales[1]
