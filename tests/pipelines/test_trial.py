from __future__ import annotations

import math

import pytest
import torch

import methods
from methods.core.base import Data, Split
from methods.core.errors import BadInput
from methods.core.ranges import Integer, OneOf, Real
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.trial import Trial, searchable, trial

VAE = {"data": "digits", "method": "vae"}
_NAMES = ("data", "method", "network", "likelihood")
BETA = {"data": "digits", "method": "beta_vae"}


def test_what_is_not_given_has_its_default() -> None:
    found = trial(BETA)
    assert found == Trial("digits", "beta_vae", hyper={"beta": 5.0})


def test_settings_of_the_trial_and_of_the_method_are_given_side_by_side() -> None:
    found = trial(BETA | {"beta": 2, "epochs": 7})
    assert (found.hyper, found.epochs) == ({"beta": 2.0}, 7)


def test_settings_lead_back_to_the_trial() -> None:
    found = trial(BETA | {"beta": 2, "likelihood": "gaussian", "seed": 3})
    assert trial(found.settings()) == found


def test_settings_are_all_that_a_run_depends_on() -> None:
    assert trial(BETA).settings() == {
        "data": "digits",
        "method": "beta_vae",
        "network": "gated_mlp",
        "likelihood": None,
        "pixels": "own",
        "latent": 20,
        "epochs": 20,
        "batch_size": 100,
        "learning_rate": 1e-3,
        "optimizer": "adam",
        "weight_decay": 0.0,
        "clip": 0.0,
        "schedule": "constant",
        "patience": 0,
        "precision": "float32",
        "compile": False,
        "seed": 0,
        "beta": 5.0,
    }


def test_the_identity_is_the_same_however_the_trial_was_written() -> None:
    written = trial({"beta": 5, "epochs": 20.0, "method": "beta_vae", "data": "digits"})
    assert written.identity == trial(BETA).identity
    assert len(written.identity) == 16
    assert set(written.identity) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "change",
    [
        {"data": "usps"},
        {"network": "mlp"},
        {"likelihood": "gaussian"},
        {"latent": 21},
        {"epochs": 21},
        {"batch_size": 101},
        {"learning_rate": 1.1e-3},
        {"optimizer": "adamw"},
        {"weight_decay": 1e-3},
        {"clip": 1},
        {"schedule": "plateau:0.5@6"},
        {"patience": 3},
        {"precision": "bfloat16"},
        {"compile": True},
        {"seed": 1},
        {"beta": 5.1},
    ],
)
def test_the_identity_changes_with_every_setting(change: dict[str, object]) -> None:
    assert trial(BETA | change).identity != trial(BETA).identity


def test_the_identity_changes_with_the_method() -> None:
    assert trial(VAE).identity != trial({"data": "digits", "method": "ae"}).identity


def test_trials_that_differ_in_the_seed_alone_have_one_configuration() -> None:
    first, second = trial(BETA | {"seed": 1}), trial(BETA | {"seed": 2})
    assert first.configuration == second.configuration
    assert first.configuration != trial(BETA | {"seed": 1, "beta": 4}).configuration


@pytest.mark.parametrize("missing", ["data", "method"])
def test_a_trial_without_data_or_method_is_refused(missing: str) -> None:
    with pytest.raises(BadInput, match=f"a trial needs '{missing}'"):
        trial({name: value for name, value in VAE.items() if name != missing})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"method": "beta_vea"}, "unknown method 'beta_vea': did you mean 'beta_vae'?"),
        ({"data": "digit"}, "unknown data set 'digit': did you mean 'digits'?"),
        ({"network": "gated-mlp"}, "unknown network 'gated-mlp': did you mean 'gated_mlp'?"),
        ({"likelihood": "gauss"}, "unknown likelihood 'gauss': did you mean 'gaussian'?"),
        ({"optimizer": "adam_normgrad"}, "unknown optimizer 'adam_normgrad': did you mean 'adam_norm_grad'?"),
        ({"schedule": "platau:0.5@3"}, "unknown schedule 'platau': did you mean 'plateau'?"),
        ({"precision": "bfloat"}, "unknown precision 'bfloat': did you mean 'bfloat16'?"),
        ({"epoch": 3}, "unknown setting of beta_vae 'epoch': did you mean 'epochs'?"),
        ({"betta": 3}, "unknown setting of beta_vae 'betta': did you mean 'beta'?"),
        ({"clusters": 3}, "unknown setting of beta_vae 'clusters'"),
        ({"hyper": {"beta": 3}}, "unknown setting of beta_vae 'hyper'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        trial(BETA | change)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("name", ["data", "method", "network", "likelihood"])
@pytest.mark.parametrize("value", [3, True, ["vae"], {}])
def test_a_name_that_is_no_text_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadInput, match="unknown "):
        trial(BETA | {name: value})


@pytest.mark.parametrize("name", ["data", "method", "network"])
def test_a_name_that_is_nothing_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="unknown "):
        trial(BETA | {name: None})


@pytest.mark.parametrize("name", ["latent", "epochs", "batch_size", "seed"])
@pytest.mark.parametrize("value", ["10", True, None, 1.5, math.nan, math.inf, [10]])
def test_what_must_be_a_whole_number_is_one(name: str, value: object) -> None:
    with pytest.raises(BadInput, match=f"^{name} must be a whole number"):
        trial(BETA | {name: value})


@pytest.mark.parametrize(("name", "full"), [("learning_rate", "learning_rate"), ("beta", "beta_vae.beta")])
@pytest.mark.parametrize("value", ["1e-3", True, None, math.nan, -math.inf, [1.0]])
def test_what_must_be_a_number_is_one(name: str, full: str, value: object) -> None:
    with pytest.raises(BadInput, match=f"^{full} must be a finite number"):
        trial(BETA | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latent", 0),
        ("epochs", 0),
        ("epochs", -3),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("learning_rate", 11),
        ("seed", -1),
        ("seed", 2**31),
        ("weight_decay", -1e-3),
        ("clip", -1),
        ("patience", -1),
        ("beta", -0.1),
    ],
)
def test_a_value_out_of_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=f"{name} must be between "):
        trial(BETA | {name: value})


@pytest.mark.parametrize("value", ["true", 1, None])
def test_what_must_be_true_or_false_is(value: object) -> None:
    with pytest.raises(BadInput, match=r"^compile must be one of False, True, got"):
        trial(BETA | {"compile": value})


@pytest.mark.parametrize("value", [0.5, None, ["plateau"]])
def test_a_schedule_is_text(value: object) -> None:
    with pytest.raises(BadInput, match=r"^schedule must be one of constant, cosine"):
        trial(BETA | {"schedule": value})


def test_a_schedule_written_briefly_is_the_same_trial() -> None:
    assert trial(BETA | {"schedule": "plateau"}) == trial(BETA | {"schedule": "plateau:.5@5"})


def test_equal_trials_are_one_in_a_set() -> None:
    same = Trial("digits", "beta_vae", hyper={"beta": 5}, latent=20)
    assert {trial(BETA), trial(BETA), same, trial(BETA | {"beta": 4})} == {trial(BETA), trial(BETA | {"beta": 4})}


def test_what_is_searched_are_the_trials_ranges_and_the_methods() -> None:
    found = searchable("beta_vae")
    assert list(found) == [name for name in trial(BETA).settings() if name not in _NAMES]
    assert all(isinstance(entry.range, Real | Integer | OneOf) for entry in found.values())


def test_the_method_of_a_trial_has_its_hyperparameters_and_its_latent_size() -> None:
    domain = networks.build("mlp", event=(1, 8, 8), rows=10, classes=3, likelihood="bernoulli")
    settings = {"data": "digits", "method": "lambda_hot_vae", "scale": 2, "latent": 3}
    method = trial(settings).build(domain)
    assert isinstance(method, methods.get("lambda_hot_vae"))
    assert torch.equal(method.get_buffer("class_means"), 2 * torch.eye(3))


def test_grey_pixels_are_never_binarized() -> None:
    grey = torch.rand(4, 1, 2, 2)
    drawn_once = Split(torch.bernoulli(grey), grey)
    data = Dataset(Data(Split(grey, grey, redraw=True), drawn_once, drawn_once), classes=0)
    assert trial(BETA).rows(data) is data.data
    seen = trial(BETA | {"pixels": "grey"}).rows(data)
    assert not seen.train.redraw
    for part in (seen.train, seen.valid, seen.test):
        assert part.x is part.grey is grey
