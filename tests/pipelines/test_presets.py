"""Presets hold settings that exist, for every method."""

from __future__ import annotations

import pytest

import methods
from methods.core.errors import BadInput
from pipelines import datasets, domains, presets
from pipelines.trial import trial

BOTH = ["harmonised", "lineage"]


def test_there_are_two_for_all_data_and_one_for_molecules() -> None:
    assert presets.names() == [*BOTH, "molecules"]


@pytest.mark.parametrize("method", ["kl_annealing", "rae"])
def test_that_of_molecules_has_a_network_that_is_built_for_them(method: str) -> None:
    settings = presets.settings("molecules", method, "zinc_fragments")
    made = trial({"data": "zinc_fragments", "method": method} | settings)
    domain = domains.build(made.network, event=(40, 256), rows=10, classes=0, likelihood="smiles_fragments")
    assert made.build(domain).latent == 56
    assert ("beta" in settings) == (method == "kl_annealing")


@pytest.mark.parametrize("method", methods.names())
@pytest.mark.parametrize("preset", BOTH)
def test_every_method_has_valid_settings_on_all_data(preset: str, method: str) -> None:
    for data in datasets.names():
        settings = presets.settings(preset, method, data)
        made = trial({"data": data, "method": method} | settings)
        assert {name: made.settings()[name] for name in settings if name != "schedule"} == {
            name: value for name, value in settings.items() if name != "schedule"
        }


@pytest.mark.parametrize("method", methods.names())
@pytest.mark.parametrize("preset", BOTH)
def test_every_method_says_where_they_are_from(preset: str, method: str) -> None:
    assert presets.source(preset, method)


def test_harmonised_is_the_same_for_all_methods() -> None:
    of_all = [presets.settings("harmonised", method, "mnist") for method in methods.names()]
    assert all(settings == of_all[0] for settings in of_all)


def test_some_data_have_settings_of_their_own() -> None:
    assert presets.settings("lineage", "hub_vae", "mnist")["epochs"] == 100
    assert presets.settings("lineage", "hub_vae", "cifar10")["epochs"] == 500


def test_an_unknown_preset_is_told_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="lineage"):
        presets.settings("linage", "vae", "mnist")
