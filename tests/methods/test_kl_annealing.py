from __future__ import annotations

import pytest
import torch

import methods
from methods.core.base import Method
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import monitor
from pipelines.training import Training
from pipelines.trial import trial


def _started(digits: Dataset, **settings: object) -> Training:
    fixed = {"method": "kl_annealing", "data": "digits", "network": "mlp", "latent": 4, "epochs": 3}
    return Training(trial(fixed | settings), digits, torch.device("cpu"))


def _trained(digits: Dataset, **settings: object) -> Method:
    training = _started(digits, **settings)
    while not training.done:
        training.epoch()
    return training.method


def _method(rows: int = 1000, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=rows, classes=10, likelihood="bernoulli")
    return methods.build("kl_annealing", domain, 4, **hyper)


@pytest.mark.parametrize("hyper", [{"annealing_start": 1.0}, {"annealing_epochs": 0}])
def test_without_annealing_training_is_the_vaes(hyper: dict[str, float], digits: Dataset) -> None:
    found, expected = _trained(digits, **hyper).state_dict(), _trained(digits, method="vae").state_dict()
    assert found.keys() - expected.keys() == {"rows_seen"}
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_with_another_final_weight_and_no_annealing_training_is_the_beta_vaes(digits: Dataset) -> None:
    found = _trained(digits, annealing_epochs=0, beta=0.5).state_dict()
    expected = _trained(digits, method="beta_vae", beta=0.5).state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(("epochs", "weight"), [(0, 0.1), (1, 0.28), (2, 0.46), (5, 1.0), (6, 1.0)])
def test_the_weight_grows_from_its_start_to_one_by_equal_steps(epochs: int, weight: float, digits: Dataset) -> None:
    training = _started(digits, epochs=10, annealing_epochs=5)
    for _ in range(epochs):
        training.epoch()
    assert float(training.method.rate_weight()) == pytest.approx(weight)


def test_the_weight_grows_at_every_step(digits: Dataset) -> None:
    method, batch = _method(rows=100, annealing_epochs=2, annealing_start=0), digits.data.train[torch.arange(20)]
    weights = []
    for _ in range(12):
        weights.append(float(method.rate_weight()))
        list(method.updates(batch))
    assert weights == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1])


def test_the_weight_multiplies_the_rate_and_nothing_else(digits: Dataset) -> None:
    method, batch = _method(rows=100, annealing_epochs=10), digits.data.train[torch.arange(20)]
    terms = []
    for seen in (0, 500, 5000):
        method.rows_seen.fill_(seen)
        torch.manual_seed(0)
        terms.append(method.loss(batch))
    assert terms[0]["reconstruction"] == terms[1]["reconstruction"] == terms[2]["reconstruction"]
    torch.testing.assert_close(terms[0]["rate"], 0.1 * terms[2]["rate"])
    torch.testing.assert_close(terms[1]["rate"], 0.55 * terms[2]["rate"])


def test_the_weight_does_not_depend_on_the_size_of_batches(digits: Dataset) -> None:
    small, large = (_trained(digits, epochs=1, batch_size=size) for size in (50, 333))
    assert float(small.rate_weight()) == float(large.rate_weight())


def test_a_cheap_rate_early_in_training_leaves_more_information_in_the_codes(digits: Dataset) -> None:
    annealed, plain = (
        monitor(_trained(digits, annealing_start=0.0, annealing_epochs=epochs, epochs=5), digits.data.test)
        for epochs in (20, 0)
    )
    assert annealed["rate"] > 2 * plain["rate"]
