from __future__ import annotations

import math

import pytest
import torch

import methods
from methods.core.errors import BadInput
from methods.core.ranges import Integer, Real
from pipelines import networks
from pipelines.trial import Trial, searchable, trial

VAE = {"data": "digits", "method": "vae"}
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
        "latent": 20,
        "epochs": 20,
        "batch_size": 100,
        "learning_rate": 1e-3,
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
        ("beta", -0.1),
    ],
)
def test_a_value_out_of_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(BadInput, match=f"{name} must be between "):
        trial(BETA | {name: value})


def test_what_is_searched_are_the_trials_ranges_and_the_methods() -> None:
    found = searchable("beta_vae")
    assert list(found) == ["latent", "epochs", "batch_size", "learning_rate", "seed", "beta"]
    assert all(isinstance(entry.range, Real | Integer) for entry in found.values())


def test_the_method_of_a_trial_has_its_hyperparameters_and_its_latent_size() -> None:
    domain = networks.build("mlp", event=(1, 8, 8), rows=10, classes=3, likelihood="bernoulli")
    settings = {"data": "digits", "method": "lambda_hot_vae", "scale": 2, "latent": 3}
    method = trial(settings).build(domain)
    assert isinstance(method, methods.get("lambda_hot_vae"))
    assert torch.equal(method.get_buffer("class_means"), 2 * torch.eye(3))
