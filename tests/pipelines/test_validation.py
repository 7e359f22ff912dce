from __future__ import annotations

import dataclasses

import pytest
import torch

import methods
from methods.core.base import Data, Split
from methods.core.distributions import gaussian
from pipelines import validation
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import evaluate
from pipelines.training import Training
from pipelines.trial import trial
from pipelines.validation import Validation, warmup

CPU = torch.device("cpu")


def _training(digits: Dataset, method: str = "vae", **settings: object) -> Training:
    given = {"data": "digits", "method": method, "network": "mlp", "latent": 12, "batch_size": 500}
    return Training(trial(given | settings), digits, CPU)


def _redrawn(split: Split) -> Split:
    return dataclasses.replace(split, redraw=True)


def test_it_does_not_depend_on_the_batch_size(digits: Dataset) -> None:
    values = [_training(digits, batch_size=size) for size in (1, 7, 500)]
    assert len({training.validation(training.method) for training in values}) == 1


def test_batches_of_unequal_size_are_weighted_by_their_rows(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    method, split = _training(digits, "ae").method, digits.data.valid
    values = []
    for size in (len(split), 7, 300):
        monkeypatch.setattr(validation, "_ROWS", size)
        values.append(Validation(split, {})(method))
    assert values == pytest.approx([values[0]] * 3, rel=1e-6)


def test_it_is_the_same_every_time_whatever_was_drawn_before(digits: Dataset) -> None:
    training = _training(digits)
    first = training.validation(training.method)
    torch.rand(5)
    assert training.validation(training.method) == first


def test_binarization_is_drawn_once(digits: Dataset) -> None:
    valid = _redrawn(digits.data.valid)
    first, second = (Validation(valid, {})._split for _ in range(2))
    assert torch.equal(first.x, second.x)
    assert not first.redraw
    assert set(first.x.unique().tolist()) == {0.0, 1.0}
    # Each of the 64 * rows pixels is Bernoulli(grey): their mean is within 5 standard errors, a false alarm in 10^6.
    grey = valid.grey.double()
    error = (grey * (1 - grey)).sum().sqrt() / grey.numel()
    assert (first.x.double().mean() - grey.mean()).abs() < 5 * error


def test_it_leaves_no_trace_in_the_random_state(digits: Dataset) -> None:
    data = Data(digits.data.train, _redrawn(digits.data.valid), digits.data.test)
    training = _training(Dataset(data, 10))
    before = torch.get_rng_state()
    training.validation(training.method)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", methods.names())
def test_every_method_has_one_that_leaves_it_as_it_was(name: str, digits: Dataset) -> None:
    few = Dataset(Data(*(getattr(digits.data, part).head(120) for part in ("train", "valid", "test"))), 10)
    training = _training(few, name, batch_size=60)
    training.epoch()
    before = {key: value.clone() for key, value in training.method.state_dict().items()}
    modes = [module.training for module in training.method.modules()]
    first = training.validation(training.method)
    after = training.method.state_dict()
    assert torch.tensor(first).isfinite()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert [module.training for module in training.method.modules()] == modes
    assert training.validation(training.method) == first


def test_it_is_the_methods_own_objective(digits: Dataset) -> None:
    training = _training(digits, "beta_vae", beta=7)
    method, split = training.method.eval(), digits.data.valid
    with torch.no_grad():
        posterior = gaussian(method.encoder(split.x))
        variance = posterior.variance
        rate = 0.5 * (posterior.mean.square() + variance - variance.log() - 1).sum(1).double().mean()
    found = {beta: Validation(split, {"beta": beta}) for beta in (1, 7)}[7](method)
    reconstruction = _training(digits, "beta_vae", beta=0)
    reconstruction.method.load_state_dict(method.state_dict())
    assert found == pytest.approx(reconstruction.validation(reconstruction.method) + 7 * rate.item(), rel=1e-5)


@pytest.mark.parametrize("method", ["vamp_prior", "kl_annealing"])
def test_it_is_the_negative_elbo_where_weights_are_annealed(method: str, digits: Dataset) -> None:
    name = "warmup_epochs" if method == "vamp_prior" else "annealing_epochs"
    training = _training(digits, method, **{name: 50})
    training.epoch()
    found = training.validation(training.method)
    assert found == pytest.approx(-evaluate(training.method, digits.data.valid)["elbo"], rel=1e-6)


def test_the_warm_up_is_the_longest_of_a_methods_changes() -> None:
    assert warmup({"warmup_epochs": 3, "first_epochs": 7, "components": 500}) == 7
    assert warmup({"components": 500}) == 0
