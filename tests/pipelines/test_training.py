from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import methods
from methods.core.base import Batch, Data, Domain, Method, Split, Terms, Update
from pipelines.datasets.dataset import Dataset
from pipelines.training import NotFinite, TermMeans, Training, domain
from pipelines.trial import Trial, trial

CPU = torch.device("cpu")


class _Recorder(Method):
    """Keeps what the loop gives to it; what it minimizes is up to the test."""

    def __init__(self, domain: Domain, latent: int, objective: Callable[[Method, Batch, int], Terms]) -> None:
        super().__init__(domain, latent)
        self.objective = objective
        self.batches: list[Batch] = []
        self.calls: list[tuple[str, bool, bool]] = []

    def loss(self, batch: Batch) -> Terms:
        self._note("loss")
        self.batches.append(batch)
        return self.objective(self, batch, len(self.batches))

    def start_epoch(self, epoch: int, data: Data) -> None:
        self._note(f"start {epoch}")

    def finish(self, data: Data) -> None:
        self._note("finish")

    def _note(self, call: str) -> None:
        self.calls.append((call, self.training, torch.is_grad_enabled()))


class _TwoSteps(Method):
    """First the encoder learns, then the decoder on the moved encoder."""

    def loss(self, batch: Batch) -> Terms:
        return {"reconstruction": -self.decoder.log_prob(batch.x, self.posterior(batch.x).rsample()).mean()}

    def updates(self, batch: Batch) -> Iterator[Update]:
        before = next(self.encoder.parameters()).clone()
        yield Update({"first": self.loss(batch)["reconstruction"]}, ("encoder",))
        moved = (next(self.encoder.parameters()) - before).abs().max()
        yield Update({"second": self.loss(batch)["reconstruction"], "moved": moved.detach()}, ("decoder",))


@dataclass(frozen=True)
class _Run(Trial):
    """A trial with a method of the test."""

    make: Callable[[Domain, int], Method] = field(default=lambda domain, latent: methods.build("vae", domain, latent))

    def build(self, domain: Domain) -> Method:
        return self.make(domain, self.latent)


def _dataset(rows: int = 10) -> Dataset:
    """Row i has the intensity i / 100 everywhere."""
    x = (torch.arange(rows) / 100).view(-1, 1, 1, 1).expand(rows, 1, 2, 2).contiguous()
    return Dataset(Data(*[Split(x, x)] * 3), classes=0)


def _recorded(objective: Callable[[Method, Batch, int], Terms], rows: int = 10, **settings: Any) -> Training:
    run = _Run("digits", "vae", network="mlp", latent=2, make=lambda d, n: _Recorder(d, n, objective), **settings)
    return Training(run, _dataset(rows), CPU)


def _seen(training: Training) -> _Recorder:
    assert isinstance(training.method, _Recorder)
    return training.method


def _mean_intensity(method: Method, batch: Batch, step: int) -> Terms:
    return {"intensity": batch.x.mean() + 0 * next(method.parameters()).sum()}


def _digits(digits: Dataset, method: str = "vae", epochs: int = 2, **settings: object) -> Training:
    given = {"data": "digits", "method": method, "network": "mlp", "latent": 10, "epochs": epochs}
    training = Training(trial(given | settings), digits, CPU)
    while not training.done:
        training.epoch()
    return training


def _equal(first: Training, second: Training) -> bool:
    one, other = first.method.state_dict(), second.method.state_dict()
    return all(torch.equal(one[name], other[name]) for name in one)


# Terms


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10, 100])
def test_means_of_terms_are_over_rows_whatever_the_size_of_batches(batch_size: int) -> None:
    training = _recorded(_mean_intensity, batch_size=batch_size)
    assert training.epoch()["train/intensity"] == pytest.approx(0.045)


def test_terms_of_different_updates_are_averaged_each() -> None:
    means = TermMeans()
    for first, second, rows in ((1.0, 10.0, 3), (2.0, 30.0, 1)):
        means.add({"first": torch.tensor(first)}, rows)
        means.add({"second": torch.tensor(second), "third": torch.tensor(0.0)}, rows)
    assert means.read() == {"train/first": 1.25, "train/second": 15.0, "train/third": 0.0}


def test_the_objective_is_the_sum_of_the_terms() -> None:
    first, second = torch.tensor(1.5, requires_grad=True), torch.tensor(2.0)
    objective = TermMeans().add({"first": first, "second": second}, 7)
    assert objective.item() == 3.5
    objective.backward()
    assert first.grad == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("step", [1, 3])
def test_the_first_term_that_is_not_finite_is_named_with_its_step(value: float, step: int) -> None:
    def objective(method: Method, batch: Batch, now: int) -> Terms:
        terms = _mean_intensity(method, batch, now)
        return terms | {"bad": terms["intensity"] + (value if now == step else 0.0), "worse": _late(now, step)}

    training = _recorded(objective, batch_size=2)
    with pytest.raises(NotFinite, match=f"the term 'bad' became {value} at step {step} of the epoch: "):
        training.epoch()


def _late(now: int, step: int) -> Tensor:
    return torch.tensor(math.nan if now > step else 1.0)


def test_steps_are_counted_from_the_start_of_the_epoch() -> None:
    def objective(method: Method, batch: Batch, now: int) -> Terms:
        return {"bad": _mean_intensity(method, batch, now)["intensity"] + (math.nan if now == 7 else 0.0)}

    training = _recorded(objective, batch_size=2)
    training.epoch()
    with pytest.raises(NotFinite, match="at step 2 of the epoch"):
        training.epoch()


# The loop


def test_an_epoch_reads_every_row_once_in_a_new_order() -> None:
    training = _recorded(_mean_intensity, batch_size=4)
    for _ in range(2):
        training.epoch()
    batches = _seen(training).batches
    assert [len(batch) for batch in batches] == [4, 4, 2] * 2
    first, second = (torch.cat([batch.index for batch in half]).tolist() for half in (batches[:3], batches[3:]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_hooks_run_in_evaluation_mode_without_gradients_and_losses_in_training_mode_with_them() -> None:
    training = _recorded(_mean_intensity, batch_size=10, epochs=2)
    while not training.done:
        training.epoch()
    training.finish()
    assert _seen(training).calls == [
        ("start 0", False, False),
        ("loss", True, True),
        ("start 1", False, False),
        ("loss", True, True),
        ("finish", False, False),
    ]


def test_the_second_update_of_a_batch_sees_the_weights_that_the_first_moved() -> None:
    training = Training(_Run("digits", "vae", network="mlp", latent=2, make=_TwoSteps), _dataset(), CPU)
    terms = training.epoch()
    assert {"train/first", "train/second", "train/moved", "seconds"} == set(terms)
    assert terms["train/moved"] == pytest.approx(1e-3, rel=0.01)  # Adam's first step is the learning rate


def test_it_is_done_after_its_epochs() -> None:
    training = _recorded(_mean_intensity, epochs=2)
    done = []
    for _ in range(2):
        done.append(training.done)
        training.epoch()
    assert (done, training.done, training.epochs_done) == ([False, False], True, 2)


def test_training_lowers_the_objective(digits: Dataset) -> None:
    training = Training(trial({"data": "digits", "method": "ae", "network": "mlp"}), digits, CPU)
    reconstructions = [training.epoch()["train/reconstruction"] for _ in range(4)]
    assert np.diff(reconstructions).max() < 0


# Random numbers


@pytest.mark.parametrize("method", ["vae", "kmeans_vae"])
def test_equal_trials_give_equal_results_whatever_was_drawn_before(method: str, digits: Dataset) -> None:
    first = _digits(digits, method)
    torch.rand(17)
    assert _equal(first, _digits(digits, method))


def test_another_seed_gives_another_result(digits: Dataset) -> None:
    assert not _equal(_digits(digits), _digits(digits, seed=1))


def test_a_state_dict_continues_where_it_was_taken(digits: Dataset) -> None:
    whole, first = _digits(digits, epochs=3), _digits(digits, epochs=1)
    state = first.state_dict()
    resumed = Training(trial(whole.trial.settings()), digits, CPU)
    resumed.load_state_dict(state)
    assert resumed.epochs_done == 1
    while not resumed.done:
        resumed.epoch()
    assert _equal(whole, resumed)


OPTIONS: list[dict[str, object]] = [
    {"optimizer": "adamw", "weight_decay": 0.1},
    {"optimizer": "adam_norm_grad", "weight_decay": 1e-3},
    {"clip": 0.5},
    {"schedule": "cosine"},
    {"schedule": "step:0.5@2"},
    {"schedule": "multistep:0.1@2,0.1@4"},
    {"schedule": "plateau:0.5@1", "learning_rate": 0.05},
    {"schedule": "restart:0.5@1", "learning_rate": 0.05},
    {"patience": 2, "learning_rate": 0.05},
    {"patience": 2, "schedule": "plateau:0.1@1", "learning_rate": 0.05, "optimizer": "adam_norm_grad"},
    {"precision": "bfloat16"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("cut", [1, 3])
def test_with_every_option_resuming_equals_no_interruption(
    options: dict[str, object], cut: int, digits: Dataset
) -> None:
    given = {"data": "digits", "method": "vae", "network": "mlp", "latent": 4, "epochs": 7, "batch_size": 200}
    whole = Training(trial(given | options), digits, CPU)
    curve = _curve(whole)
    first = Training(whole.trial, digits, CPU)
    for _ in range(cut):
        first.epoch()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    second = Training(whole.trial, digits, CPU)
    second.load_state_dict(torch.load(io.BytesIO(file.getvalue()), weights_only=True))
    assert _curve(second) == curve[cut:]
    assert _equal(whole, second)


def _curve(training: Training) -> list[dict[str, float]]:
    """What the epochs return, the clock aside, until training is done."""
    found = []
    while not training.done:
        found.append({name: value for name, value in training.epoch().items() if name != "seconds"})
    return found


def test_redrawn_binarization_follows_the_seed(digits: Dataset) -> None:
    data = digits.data
    redrawn = Dataset(Data(dataclasses.replace(data.train, redraw=True), data.valid, data.test), 10)
    assert _equal(_digits(redrawn), _digits(redrawn))
    assert not _equal(_digits(redrawn), _digits(digits))


# The domain


def test_the_domain_says_what_the_data_are(digits: Dataset) -> None:
    found = domain(trial({"data": "digits", "method": "vae"}), digits)
    assert (found.event, found.rows, found.classes) == ((1, 8, 8), 1000, 10)


@pytest.mark.parametrize(("given", "used"), [(None, "Logistic256"), ("gaussian", "Gaussian")])
def test_the_likelihood_is_the_data_sets_unless_the_trial_names_one(given: str | None, used: str) -> None:
    dataset = dataclasses.replace(_dataset(), likelihood="logistic256")
    found = domain(trial({"data": "digits", "method": "vae", "likelihood": given}), dataset)
    assert type(found.decoder(2)).__name__ == used


# Schedules and early stopping


def _judged(values: list[float], **settings: Any) -> tuple[Training, list[dict[str, float]]]:
    """A run whose validation objective takes these values, and its epochs."""
    training = _recorded(_pulled, epochs=len(values), **settings)
    rest = iter(values)
    training.validation = lambda method: next(rest)  # type: ignore[assignment]
    return training, _curve(training)


def _pulled(method: Method, batch: Batch, step: int) -> Terms:
    return {"pull": next(method.parameters()).sum()}


def _weight(training: Training) -> float:
    return next(training.method.parameters()).sum().item()


def test_the_learning_rate_of_an_epoch_is_the_schedules() -> None:
    training = _recorded(_pulled, batch_size=10, epochs=5, schedule="multistep:0.1@2,0.5@4", learning_rate=0.01)
    size = next(training.method.parameters()).numel()
    for expected in (0.01, 0.01, 0.001, 0.001, 0.0005):
        before = _weight(training)
        assert training.epoch()["learning_rate"] == pytest.approx(expected)
        # With a constant gradient, every step of Adam is the learning rate.
        assert (before - _weight(training)) / size == pytest.approx(expected, rel=1e-2)


def test_a_constant_rate_and_no_patience_measure_and_report_nothing() -> None:
    training = _recorded(_pulled)
    training.validation = None  # type: ignore[assignment]
    assert training.epoch().keys() == {"train/pull", "seconds"}


def test_a_plateau_lowers_the_rate_of_the_epochs_after_it() -> None:
    _, curve = _judged([3, 2, 2, 2, 1, 2], schedule="plateau:0.5@2", learning_rate=0.01)
    assert [epoch["learning_rate"] for epoch in curve] == [0.01, 0.01, 0.01, 0.01, 0.005, 0.005]


def test_training_stops_by_its_patience_with_the_best_weights() -> None:
    training, curve = _judged([5, 3, 4, 4, 4, 1], patience=3, batch_size=10, learning_rate=0.01)
    other = _recorded(_pulled, batch_size=10, epochs=2, learning_rate=0.01)
    _curve(other)
    assert (training.done, training.epochs_done) == (True, 5)
    assert _equal(training, other)
    assert [epoch["best_epoch"] for epoch in curve] == [1, 2, 2, 2, 2]
    assert [epoch["valid/objective"] for epoch in curve] == [5, 3, 4, 4, 3]


def test_after_the_last_epoch_too_the_weights_are_the_best() -> None:
    training, _ = _judged([5, 3, 4], patience=3, batch_size=10)
    other = _recorded(_pulled, batch_size=10, epochs=2)
    _curve(other)
    assert (training.epochs_done, _equal(training, other)) == (3, True)


def test_a_restart_goes_back_to_the_best_weights_with_fresh_optimizers() -> None:
    settings: dict[str, Any] = {"batch_size": 10, "schedule": "restart:0.5@2", "learning_rate": 0.01}
    training = _recorded(_pulled, epochs=9, **settings)
    values = iter([1.0, 2.0, 2.0])
    training.validation = lambda method: next(values)  # type: ignore[assignment]
    training.epoch()
    best = _weight(training)
    training.epoch()
    assert _weight(training) != best
    training.epoch()
    assert _weight(training) == best
    assert training.optimizers.state_dict() == {}


def test_a_restarting_schedule_ends_with_its_fifth_decay() -> None:
    training, curve = _judged([1.0] + [2.0] * 20, schedule="restart:0.5@1")
    assert training.epochs_done == 6
    assert curve[-1]["learning_rate"] == pytest.approx(1e-3 / 16)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_validation_objective_that_is_not_finite_ends_the_run(value: float) -> None:
    with pytest.raises(NotFinite, match=f"the validation objective became {value}"):
        _judged([1.0, value], patience=3)


@pytest.mark.parametrize("warmup", [0, 4])
def test_the_patience_waits_for_a_methods_warm_up(warmup: int, digits: Dataset) -> None:
    settings = {"method": "vamp_prior", "components": 20, "warmup_epochs": warmup, "patience": 1, "epochs": 6}
    training = Training(trial({"data": "digits", "network": "mlp", "batch_size": 500} | settings), digits, CPU)
    training.validation = lambda method: float(training.epochs_done)  # type: ignore[assignment]
    _curve(training)
    assert training.epochs_done == max(2, warmup)


@pytest.mark.parametrize("method", ["kmeans_vae", "hub_vae", "factor_vae", "cascade_vae"])
def test_an_error_that_follows_from_weights_that_are_not_finite_is_told_as_that(method: str, digits: Dataset) -> None:
    settings = {"data": "digits", "method": method, "network": "mlp", "latent": 12, "epochs": 1, "batch_size": 200}
    run = Training(trial(settings), digits, torch.device("cpu"))
    with torch.no_grad():
        next(run.method.encoder.parameters()).fill_(math.nan)
    with pytest.raises(NotFinite, match=r"became nan|are not finite"):
        run.epoch()
