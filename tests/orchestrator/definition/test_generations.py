"""Generations of a population, and the studies that can have them."""

from __future__ import annotations

from typing import Any

import pytest

from methods.core.errors import BadInput
from orchestrator.definition import study_check
from orchestrator.definition.generations import ends, until_report
from orchestrator.definition.study import Study

SPACE = {"learning_rate": {"low": 1e-4, "high": 1e-2}}


def study(**keys: Any) -> Study:
    given = {"data": "digits", "methods": ["beta_vae"], "search": "pbt", "fixed": {"epochs": 10}, "space": SPACE}
    return Study.model_validate(given | keys)


@pytest.mark.parametrize("epochs", [5, 7, 11, 100])
@pytest.mark.parametrize("generations", [2, 3, 5])
def test_every_generation_has_epochs_and_the_last_one_ends_with_the_training(epochs: int, generations: int) -> None:
    found = ends(epochs, generations)
    assert len(set(found)) == generations
    assert sorted(found)[0] > 0
    assert found == [*sorted(found)[:-1], epochs]


def test_reports_come_at_multiples_and_where_generations_end() -> None:
    done, reported = 0, []
    while done < 10:
        done += until_report(done, 3, [5, 10])
        reported.append(done)
    assert reported == [3, 5, 6, 9, 10]


def test_a_population_has_five_generations_and_stops_nobody() -> None:
    found = study()
    study_check.check(found)
    assert (found.generations, found.early_stopping) == (5, None)
    assert found.ends("beta_vae") == [2, 4, 6, 8, 10]


def test_a_population_reads_back_from_its_records() -> None:
    found = study(generations=3)
    assert Study.model_validate(found.model_dump(mode="json")).definition == found.definition


def test_scaled_studies_have_scaled_generations() -> None:
    assert study(scale=0.5).ends("beta_vae") == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"search": "tpe", "generations": 4}, "generations belong to search: pbt"),
        ({"early_stopping": "asha"}, "stops no trial"),
        ({"metric": ["valid/bce", "valid/rate"], "mode": ["min", "min"]}, "one metric"),
        ({"fixed": {}, "space": SPACE | {"epochs": [10, 20]}}, "the same epochs in all trials"),
        ({"fixed": {"epochs": 10, "patience": 3}}, "fixed.patience to 0"),
        ({"fixed": {"epochs": 10, "schedule": "step:0.5@5"}}, "fixed.schedule to constant"),
        ({"fixed": {"epochs": 4}}, "5 generations need as many epochs, got 4"),
        ({"fixed": {"epochs": 10, "beta": 2.0}, "space": {"latent": [2, 3, 4]}}, "which latent cannot"),
    ],
)
def test_what_a_population_cannot_have_is_refused(keys: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        study_check.check(study(**keys))


def test_arms_of_one_method_have_the_same_epochs() -> None:
    arms = [{"name": "short", "method": "beta_vae"}, {"name": "long", "method": "beta_vae", "epochs": 20}]
    with pytest.raises(BadInput, match="the same epochs in all arms of beta_vae, got 10 and 20"):
        study_check.check(study(methods=arms))


def test_no_key_of_a_population_is_in_the_definition_of_other_studies() -> None:
    # The hash that this study had before there were populations.
    assert Study(data="digits", methods=["vae"], trials=3).definition == "da0cde85512d44cd"
