"""Which trials stand for an arm, and what of a study with several metrics is shown."""

from __future__ import annotations

import dataclasses

import pytest

from methods.core.errors import BadInput
from orchestrator.comparison.page import page
from orchestrator.comparison.pareto import pareto
from orchestrator.comparison.planes import planes
from orchestrator.comparison.report import Comparison, compared
from orchestrator.comparison.rows import main_metric, rows
from orchestrator.comparison.together import Source, together
from orchestrator.definition.objectives import Objective
from orchestrator.records.runs import StudyRuns, TrialRun

# By bce and rate: a and c are on vae's front, b is beaten by a; d is beta_vae's alone and beats nobody.
SEARCHED = {"a": ("vae", 10.0, 5.0), "b": ("vae", 11.0, 6.0), "c": ("vae", 20.0, 1.0), "d": ("beta_vae", 30.0, 2.0)}


def trial(name: str, role: str, seed: int, outcome: str = "finished") -> TrialRun:
    method, bce, rate = SEARCHED[name]
    metrics = {"valid/bce": bce + seed / 10, "valid/rate": rate, "test/bce": bce + seed / 10, "test/rate": rate}
    settings = {"method": method, "data": "digits", "seed": str(seed), "learning_rate": str(bce / 1000)}
    identity, status = f"{name}{seed}", "FINISHED" if outcome == "finished" else "KILLED"
    return TrialRun(
        f"run-{identity}", method, role, identity, name, seed, outcome, status, settings, metrics, seed, seed + 1
    )


def study(*, replicated: bool = True, several: bool = True) -> StudyRuns:
    trials = [trial(name, "search", 0) for name in SEARCHED]
    if replicated:
        trials += [trial(name, "replicate", seed) for name in "acd" for seed in (1, 2)]
    metric, mode = ("valid/bce, valid/rate", "min, min") if several else ("valid/bce", "min")
    return StudyRuns("s", metric, mode, "p", "0", 0, {"front": "5", "seeds": "2"}, trials=tuple(trials))


def names(found: StudyRuns) -> dict[str, list[str]]:
    return {row: [one.identity for one in trials] for row, trials in rows(found).standing.items()}


def test_every_configuration_of_an_arms_front_is_a_row_with_its_replicates() -> None:
    assert names(study()) == {"beta_vae": ["d1", "d2"], "vae 1": ["a1", "a2"], "vae 2": ["c1", "c2"]}
    assert rows(study()).arms == {"beta_vae": "beta_vae", "vae 1": "vae", "vae 2": "vae"}


def test_of_a_single_configuration_without_a_search_the_replicates_are_the_front() -> None:
    found = study()
    unsearched = [one for one in found.trials if (one.method, one.role) != ("beta_vae", "search")]
    assert names(dataclasses.replace(found, trials=tuple(unsearched)))["beta_vae"] == ["d1", "d2"]


def test_until_there_are_replicates_the_searchs_own_trials_stand_in() -> None:
    assert names(study(replicated=False)) == {"beta_vae": ["d0"], "vae 1": ["a0"], "vae 2": ["c0"]}


def test_one_metric_has_one_row_for_each_arm_best_first() -> None:
    assert list(names(study(several=False))) == ["vae", "beta_vae"]


def test_the_front_over_all_methods_leaves_out_what_another_method_beats() -> None:
    table = pareto(study(), rows(study()), "front")
    assert table is not None
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["vae 1", "10.150 ± 0.071", "5.000 ± 0.000"],
        ["vae 2", "20.150 ± 0.071", "1.000 ± 0.000"],
    ]
    assert table.caption.startswith("2 of 3 configurations")


def test_one_metric_has_no_front() -> None:
    assert pareto(study(several=False), rows(study(several=False)), "front") is None


@pytest.mark.parametrize("several", [True, False])
def test_the_plane_has_reconstruction_against_rate_of_every_trial(several: bool) -> None:
    (plane,) = planes(study(several=several))
    assert (plane.x, plane.y) == ("valid/rate", "valid/bce")
    assert sorted(plane.whole["vae"])[0] == (1.0, 20.0)
    assert {arm: len(points) for arm, points in plane.whole.items()} == {"vae": 7, "beta_vae": 3}
    assert plane.edge == ((1.0, 20.0), (5.0, 10.0))


def test_trials_that_were_stopped_early_are_apart() -> None:
    found = study(several=False)
    stopped = dataclasses.replace(found, trials=(*found.trials, trial("b", "search", 9, "stopped early after epoch 2")))
    (plane,) = planes(stopped)
    assert plane.stopped == {"vae": [(6.0, 11.9)]}


def test_without_a_rate_there_is_no_plane() -> None:
    found = study(several=False)
    bare = [dataclasses.replace(one, metrics={"valid/bce": 1.0, "test/bce": 1.0}) for one in found.trials]
    assert planes(dataclasses.replace(found, trials=tuple(bare))) == []


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compared(study())


def test_a_comparison_prints_the_front_and_draws_it(found: Comparison) -> None:
    assert "s: Pareto front" in [table.title for table in found.tables]
    written = page(found, {})
    assert "valid/bce (nats) against valid/rate (nats), all trials" in written
    assert "valid/bce (min) and valid/rate (min)" in written


def test_captions_say_that_it_is_a_front(found: Comparison) -> None:
    assert "configurations on its Pareto front of valid/bce (min) and valid/rate (min)" in found.tables[0].caption


def test_studies_together_name_what_each_row_is_from() -> None:
    other = dataclasses.replace(study(several=False), name="t")
    joined = together([Source(study(several=False), "sqlite:////a"), Source(other, "http://me:secret@b")])
    assert set(rows(joined.study).standing) == {
        f"{arm} [{label}]" for arm in ("vae", "beta_vae") for label in ("s, here", "t, against")
    }
    assert joined.notes[1] == "[t, against] is the study t in MLflow at http://me:***@b"


def test_studies_of_one_server_go_by_their_names_and_their_scales() -> None:
    one = study(several=False)
    other = dataclasses.replace(one, name="t", params=one.params | {"scale": "0.1"})
    joined = together([Source(one, "u"), Source(other, "u")]).study
    assert joined.arms == ["beta_vae [s]", "beta_vae [t @10%]", "vae [s]", "vae [t @10%]"]
    assert joined.scale == 1


def test_studies_that_go_by_different_metrics_are_refused() -> None:
    with pytest.raises(
        BadInput, match=r"s goes by valid/bce \(min\) and s by valid/bce \(min\) and valid/rate \(min\)"
    ):
        together([Source(study(several=False), "a"), Source(study(), "b")])


def test_the_objectives_of_a_study_are_read_from_its_tags() -> None:
    assert study().objectives == (Objective("valid/bce", "min"), Objective("valid/rate", "min"))


@pytest.mark.parametrize(
    ("metric", "measured"),
    [
        ("valid/bce", "bce"),
        ("train/loss", "loss"),
        ("seconds", "seconds"),
        ("lso/expression/best", "lso/expression/best"),
    ],
)
def test_the_metric_that_chose_is_found_among_test_metrics(metric: str, measured: str) -> None:
    assert main_metric(dataclasses.replace(study(several=False), metric=metric)) == measured
