from __future__ import annotations

import pytest
import torch

import methods
from methods.core.base import Batch, Terms
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import monitor
from pipelines.training import Training
from pipelines.trial import trial


def _trained(digits: Dataset, method: str, **hyper: object) -> Training:
    settings = {"method": method, "data": "digits", "network": "mlp", "latent": 4, "epochs": 3}
    training = Training(trial(settings | hyper), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    return training


def _terms(batch: Batch, name: str, **hyper: object) -> Terms:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build(name, domain, 4, **hyper).loss(batch)


def test_with_beta_one_training_is_the_vaes(digits: Dataset) -> None:
    ours, theirs = _trained(digits, "beta_vae", beta=1.0), _trained(digits, "vae")
    found, expected = ours.method.state_dict(), theirs.method.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 5.0, 100.0])
def test_beta_multiplies_the_rate_and_nothing_else(digits: Dataset, beta: float) -> None:
    batch = digits.data.train[torch.arange(20)]
    terms, plain = _terms(batch, "beta_vae", beta=beta), _terms(batch, "vae")
    torch.testing.assert_close(terms["rate"], beta * plain["rate"])
    assert torch.equal(terms["reconstruction"], plain["reconstruction"])


def test_beta_is_the_papers_where_none_is_given(digits: Dataset) -> None:
    batch = digits.data.train[torch.arange(20)]
    assert _terms(batch, "beta_vae") == _terms(batch, "beta_vae", beta=5.0)


def test_a_larger_beta_buys_a_smaller_rate_with_a_worse_reconstruction(digits: Dataset) -> None:
    small, large = (_trained(digits, "beta_vae", beta=beta, epochs=15, learning_rate=3e-3) for beta in (0.3, 3.0))
    first, second = (monitor(training.method, digits.data.test) for training in (small, large))
    assert first["rate"] > 2 * second["rate"]
    assert first["bce"] < second["bce"] - 1
