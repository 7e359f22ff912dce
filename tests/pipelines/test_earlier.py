"""Settings that were otherwise in earlier epochs: their text, and the training that follows them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch

import pipelines
from methods.core.base import Data
from methods.core.errors import BadInput
from pipelines import datasets, train
from pipelines.datasets.dataset import Dataset
from pipelines.earlier import Stage, reduced
from pipelines.training import Training, domain
from pipelines.trial import Trial, trial

CPU = torch.device("cpu")
SMALL = {"data": "digits", "network": "mlp", "latent": 4, "epochs": 4, "batch_size": 100}
BETA = SMALL | {"method": "beta_vae", "beta": 3.0}


def digits(rows: int = 250) -> Dataset:
    found = datasets.load("digits")
    data = found.data
    return Dataset(Data(data.train.head(rows), data.valid.head(50), data.test.head(50)), found.classes, "bernoulli")


def trained(found: Trial, state: dict[str, Any] | None = None, *, epochs: int = 10**9) -> Training:
    """A run to its end, or to the epoch before."""
    training = Training(found, digits(), CPU)
    if state is not None:
        training.load_state_dict(state)
    while not training.done and training.epochs_done < epochs:
        training.epoch()
    return training


def saved(training: Training) -> dict[str, Any]:
    """The state as it comes back from a file."""
    file = io.BytesIO()
    torch.save(training.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def assert_same(one: Training, other: Training) -> None:
    mine, others = one.method.state_dict(), other.method.state_dict()
    assert mine.keys() == others.keys()
    assert all(torch.equal(mine[name], others[name]) for name in mine)


def test_nothing_earlier_changes_neither_settings_nor_identity() -> None:
    assert trial(BETA | {"earlier": ""}).identity == trial(BETA).identity
    assert "earlier" not in trial(BETA | {"earlier": ""}).settings()


def test_what_was_earlier_is_part_of_the_identity_and_of_the_settings() -> None:
    found = trial(BETA | {"earlier": "2:beta=1"})
    assert found.identity != trial(BETA).identity
    assert found.settings()["earlier"] == "2:beta=1.0"
    assert trial(found.settings()) == found


def test_settings_hold_in_the_epochs_of_their_stage() -> None:
    found = trial(BETA | {"earlier": "1:beta=1,learning_rate=0.01 3:beta=2"})
    assert [(found.at(epoch).hyper["beta"], found.at(epoch).learning_rate) for epoch in range(5)] == [
        (1.0, 0.01),
        (2.0, 0.001),
        (2.0, 0.001),
        (3.0, 0.001),
        (3.0, 0.001),
    ]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2:learning_rate=1e-2,beta=1", "2:beta=1.0,learning_rate=0.01"),
        ("1:beta=1 2:beta=1.0", "2:beta=1.0"),
        ("2:beta=3", ""),
        ("1:beta=1 2:beta=3 3:beta=1", "1:beta=1.0 2: 3:beta=1.0"),
        ("1:beta=1 2:beta=3", "1:beta=1.0"),
    ],
)
def test_equal_histories_are_written_alike(text: str, canonical: str) -> None:
    assert trial(BETA | {"earlier": text}).earlier == canonical


def test_stages_that_change_nothing_are_left_out() -> None:
    stages = [Stage(1, {"beta": 1.0}), Stage(2, {"beta": 1.0, "clip": 0.0}), Stage(3, {"beta": 3.0})]
    assert reduced(stages, {"beta": 3.0, "clip": 0.0}) == (Stage(2, {"beta": 1.0}),)


@pytest.mark.parametrize(
    ("earlier", "sentence"),
    [
        ("beta=1.0", "must be like"),
        ("4:beta=1.0", "ascending order between 0 and epochs=4"),
        ("2:beta=1.0 1:beta=2.0", "ascending order"),
        ("2:bata=1.0", "beta"),
        ("2:beta=-1", "between"),
        ("2:beta=much", "finite number"),
        ("2:latent=5", "latent of beta_vae cannot change during training"),
        (7, "must be like"),
    ],
)
def test_what_cannot_have_been_is_refused(earlier: object, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        trial(BETA | {"earlier": earlier})


@pytest.mark.parametrize("other", [{"patience": 3}, {"schedule": "step:0.5@2"}])
def test_schedules_and_patience_do_not_go_with_earlier_settings(other: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="constant"):
        trial(BETA | other | {"earlier": "2:beta=1.0"})


def test_a_hyperparameter_that_shapes_the_weights_is_refused() -> None:
    with pytest.raises(BadInput, match="clusters of kmeans_vae cannot change"):
        trial(SMALL | {"method": "kmeans_vae", "clusters": 5, "earlier": "2:clusters=6"})


def test_a_trial_continued_twice_keeps_what_was_first() -> None:
    first = trial(BETA | {"epochs": 2}).continued(4, {"beta": 2.0})
    second = first.continued(6, {"learning_rate": 0.01})
    assert second.earlier == "2:beta=3.0,learning_rate=0.001 4:learning_rate=0.001"
    assert (second.hyper["beta"], second.learning_rate, second.epochs) == (2.0, 0.01, 6)
    assert second.continues(first)
    assert not first.continues(second)
    assert not second.continues(trial(BETA | {"epochs": 3}))


@pytest.mark.parametrize(
    ("method", "before", "after"),
    [
        ("beta_vae", {"beta": 1.0}, {"beta": 6.0, "learning_rate": 3e-3, "weight_decay": 0.1, "batch_size": 70}),
        ("hub_vae", {"components": 100, "clusters": 5}, {"components": 60, "clusters": 7, "score": "geometric"}),
        ("factor_vae", {"gamma": 5.0}, {"gamma": 20.0, "clip": 1.0}),  # two optimizers
    ],
)
def test_a_continued_run_equals_one_that_was_trained_whole(
    method: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    parent = trial(SMALL | {"method": method, "epochs": 2} | before)
    child = parent.continued(4, after)
    assert_same(trained(child), trained(child, saved(trained(parent))))


def test_a_run_goes_on_exactly_in_any_epoch() -> None:
    found = trial(BETA | {"earlier": "1:beta=1.0 3:batch_size=60,beta=2.0"})
    whole = trained(found)
    for epoch in range(1, 4):
        assert_same(whole, trained(found, saved(trained(found, epochs=epoch))))


def test_the_method_has_the_settings_of_its_epoch() -> None:
    training = trained(trial(BETA | {"earlier": "2:beta=1.0"}), epochs=2)
    assert training.method.beta == 1.0
    training.epoch()
    assert training.method.beta == 3.0


def test_learning_rates_are_those_of_a_loop_by_hand() -> None:
    found = trial(SMALL | {"method": "vae", "earlier": "2:learning_rate=0.01", "seed": 5})
    torch.manual_seed(5)
    dataset = digits()
    method = found.build(domain(found, dataset))
    adam = torch.optim.Adam(method.parameters(), lr=0.01, fused=True)
    for epoch in range(4):
        adam.param_groups[0]["lr"] = 0.01 if epoch < 2 else 0.001
        method.train()
        for rows in torch.randperm(250).split(100):
            adam.zero_grad()
            torch.stack(list(method.loss(dataset.data.train[rows]).values())).sum().backward()
            adam.step()
    other = trained(found).method.state_dict()
    assert all(torch.allclose(value, other[name], atol=1e-6) for name, value in method.state_dict().items())


def test_the_command_trains_by_earlier_settings_and_saves_the_last_ones(tmp_path: Path) -> None:
    settings = ["network=mlp", "latent=3", "epochs=2", "beta=2.0", "earlier=1:beta=1.0"]
    assert train.main(["--method", "beta_vae", "--set", *settings, "--out", str(tmp_path)]) == 0
    found = pipelines.load(tmp_path)
    assert (found.trial.earlier, found.method.beta) == ("1:beta=1.0", 2.0)
