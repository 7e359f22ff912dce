from __future__ import annotations

from pathlib import Path

import pytest
import torch

import methods
from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines import networks

DOMAIN = networks.build("mlp", event=(1, 8, 8), rows=100, classes=10, likelihood="bernoulli")


def test_every_file_is_a_method() -> None:
    files = Path(methods.__file__).parent.glob("*.py")
    assert methods.names() == sorted(file.stem for file in files if file.stem != "__init__")


@pytest.mark.parametrize("name", methods.names())
def test_a_method_is_called_like_its_file(name: str) -> None:
    assert methods.get(name).__name__.lower() == name.replace("_", "")


@pytest.mark.parametrize("name", methods.names())
def test_no_method_inherits_from_another(name: str) -> None:
    assert methods.get(name).__bases__ == (Method,)


@pytest.mark.parametrize("name", ["vea", "core", "__init__", "../vae"])
def test_an_unknown_method_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=f"unknown method '{name}'"):
        methods.get(name)


def test_a_misspelled_method_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'beta_vae'"):
        methods.get("beta-vae")


def test_a_method_is_built_with_the_hyperparameters_given() -> None:
    method = methods.build("lambda_hot_vae", DOMAIN, 10, scale=3)
    assert torch.equal(method.state_dict()["class_means"], 3 * torch.eye(10))


def test_an_unknown_hyperparameter_is_refused() -> None:
    with pytest.raises(BadInput, match=r"unknown hyperparameter of beta_vae 'betta': did you mean 'beta'\?"):
        methods.build("beta_vae", DOMAIN, 10, betta=3)


def test_sizes_of_the_networks_are_no_hyperparameters() -> None:
    with pytest.raises(BadInput, match="unknown hyperparameter of vae 'outputs': there are none"):
        methods.build("vae", DOMAIN, 10, outputs=3)


def test_a_hyperparameter_out_of_its_range_is_refused_by_its_full_name() -> None:
    with pytest.raises(BadInput, match=r"beta_vae.beta must be between 0 and 1000, got -1"):
        methods.build("beta_vae", DOMAIN, 10, beta=-1)
