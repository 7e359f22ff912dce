"""Studies made smaller."""

from __future__ import annotations

from orchestrator.definition import scale
from orchestrator.definition.study import Study


def test_times_in_epochs_shrink_together() -> None:
    given = {"epochs": 100, "patience": 50, "warmup_epochs": 10, "schedule": "multistep:0.5@30,0.2@50", "latent": 40}
    assert scale.settings(given, 0.1) == {
        "epochs": 10,
        "patience": 5,
        "warmup_epochs": 1,
        "schedule": "multistep:0.5@3,0.2@5",
        "latent": 40,
    }


def test_none_stays_none_and_some_stays_some() -> None:
    assert scale.settings({"patience": 0, "warmup_epochs": 2, "schedule": "cosine"}, 0.01) == {
        "patience": 0,
        "warmup_epochs": 1,
        "schedule": "cosine",
    }


def test_two_seeds_are_left_where_there_were_two() -> None:
    assert [scale.seeds(number, 0.1) for number in (1, 2, 10, 50)] == [1, 2, 2, 5]


def test_a_scaled_study_also_shrinks_what_it_leaves_to_the_methods() -> None:
    study = Study(data="digits", methods=["ne_vae"], fixed={"epochs": 100}, scale=0.1)
    assert study.trial("ne_vae", study.defaults("ne_vae"), seed=0).hyper["annealing_epochs"] == 1
    assert study.trial("ne_vae", {}, seed=0).epochs == 10


def test_what_was_chosen_is_not_shrunk_again() -> None:
    study = Study(data="digits", methods=["ne_vae"], fixed={"epochs": 100}, scale=0.5)
    assert study.trial("ne_vae", {"annealing_epochs": 8}, seed=0).hyper["annealing_epochs"] == 8


def test_the_scale_is_part_of_the_definition() -> None:
    whole = Study(data="digits", methods=["vae"])
    assert whole.model_copy(update={"scale": 0.5}).definition != whole.definition


def test_every_number_is_marked() -> None:
    assert scale.mark(0.25) == " @25%"
    assert scale.mark(1) == scale.words(1) == ""
