from __future__ import annotations

import numpy as np
import pytest
import torch

import methods
from methods.core.base import Batch, Method, Split, Update
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(**hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("aggressive_vae", domain, 4, **hyper)


def _batch(digits: Dataset) -> Batch:
    return digits.data.train[torch.arange(30)]


def _started(digits: Dataset, **hyper: object) -> Method:
    method = _method(**hyper)
    with torch.no_grad():
        method.start_epoch(0, digits.data)
    return method


def _training(digits: Dataset, method: str, epochs: int, **hyper: object) -> Training:
    settings = {"data": "digits", "method": method, "network": "mlp", "epochs": epochs, "latent": 4} | hyper
    return Training(trial(settings), digits, torch.device("cpu"))


def _objective(update: Update) -> float:
    return sum(term.item() for term in update.terms.values())


def test_with_no_patience_it_is_the_vae(digits: Dataset) -> None:
    trained = []
    for name, hyper in (("vae", {}), ("aggressive_vae", {"mi_patience": 0})):
        training = _training(digits, name, 2, **hyper)
        terms = [training.epoch()["train/reconstruction"] for _ in range(2)]
        trained.append((terms, dict(training.method.named_parameters())))
    (expected, parameters), (found, own) = trained
    assert found == expected
    assert all(torch.equal(own[name], parameter) for name, parameter in parameters.items())


def test_steps_of_the_encoder_come_before_one_of_the_decoder(digits: Dataset) -> None:
    parts = [update.parts for update in _started(digits).updates(_batch(digits))]
    assert set(parts[:-1]) == {("encoder",)}
    assert parts[-1] == ("decoder",)


def test_the_encoder_stops_at_the_first_window_that_is_worse_than_the_one_before(digits: Dataset) -> None:
    method = _started(digits, window=5)
    for _ in range(10):
        values = [_objective(update) for update in method.updates(_batch(digits))][:-1]
        means = np.reshape(values, (-1, 5)).mean(1)
        # No step is taken here, so the windows differ by chance and the loop ends early.
        assert 2 <= len(means) < 20
        assert (np.diff(means[:-1]) <= 1e-4).all()
        assert means[-1] > means[-2]


def test_the_encoder_takes_no_more_than_the_most_steps(digits: Dataset) -> None:
    updates = list(_started(digits, inner_steps=7).updates(_batch(digits)))
    assert len(updates) == 7 + 1


def test_the_first_step_and_the_decoders_are_on_the_batch_and_the_others_on_new_rows(digits: Dataset) -> None:
    method, seen = _started(digits, inner_steps=4), []
    method.encoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    batch = _batch(digits)
    list(method.updates(batch))
    assert torch.equal(seen[0], batch.x)
    assert torch.equal(seen[-1], batch.x)
    rows = {tuple(row.flatten().tolist()) for row in digits.data.train.x}
    for drawn in seen[1:4]:
        assert drawn.shape == batch.x.shape
        assert not torch.equal(drawn, batch.x)
        assert all(tuple(row.flatten().tolist()) in rows for row in drawn)


def test_drawn_rows_are_binarized_anew(digits: Dataset) -> None:
    method, seen = _method(inner_steps=3), []
    data, train = digits.data, digits.data.train
    method.start_epoch(0, type(data)(Split(train.x, train.x, train.y, redraw=True), data.valid, data.test))
    method.encoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    list(method.updates(_batch(digits)))
    assert all(drawn.unique().tolist() == [0.0, 1.0] for drawn in seen[1:3])


def test_every_decline_of_the_information_counts_and_the_last_ends_the_aggressive_phase(digits: Dataset) -> None:
    method = _started(digits, mi_patience=2)
    found = []
    # Codes shrink, so they tell less in every epoch; before the fourth they tell most.
    for epoch, scale in [(1, 1.0), (2, 0.3), (3, 20.0), (4, 0.2)]:
        with torch.no_grad():
            method.encoder[-1].weight.mul_(scale)
            method.encoder[-1].bias.mul_(scale)
            method.start_epoch(epoch, digits.data)
        found.append((int(method.get_buffer("declines")), method.aggressive))
    assert found == [(0, True), (1, True), (1, True), (2, False)]


def test_the_aggressive_phase_does_not_come_back(digits: Dataset) -> None:
    method = _started(digits, mi_patience=1)
    method.get_buffer("declines").fill_(1)
    for epoch in (3, 4):
        method.start_epoch(epoch, digits.data)
        assert [update.parts for update in method.updates(_batch(digits))] == [("",)]


@pytest.mark.parametrize(("epoch", "weight"), [(0, 0.1), (5, 0.55), (10, 1.0)])
def test_the_rate_can_be_annealed(digits: Dataset, epoch: int, weight: float) -> None:
    annealed, plain = _method(annealing_start=0.1, mi_patience=0), _method(mi_patience=0)
    annealed.start_epoch(epoch, digits.data)
    plain.load_state_dict(annealed.state_dict() | {"rate_weight": torch.tensor(1.0)})
    batch = _batch(digits)
    rates = [method.loss(batch)["rate"].item() for method in (annealed, plain)]
    assert rates[0] == pytest.approx(weight * rates[1])


def test_an_aggressive_epoch_fits_better_than_an_epoch_of_the_vae(digits: Dataset) -> None:
    objectives = []
    for mi_patience in (0, 5):
        training = _training(digits, "aggressive_vae", 3, mi_patience=mi_patience)
        while not training.done:
            training.epoch()
        with torch.no_grad():
            test = digits.data.test
            objectives.append(sum(training.method.loss(test[torch.arange(len(test))]).values()).item())
    assert objectives[1] < objectives[0]
