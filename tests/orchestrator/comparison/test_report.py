"""What a comparison says about studies in a real MLflow store."""

from __future__ import annotations

import dataclasses
import math

import pytest

from methods.core.errors import BadInput
from orchestrator.comparison.report import Comparison, compared, comparison
from orchestrator.comparison.tables import MISSING, Cell, Table
from orchestrator.definition.paper import Paper
from orchestrator.records import runs
from orchestrator.records.runs import StudyRuns, TrialRun


def cell(table: Table, row: str, heading: str) -> Cell:
    place = [column.heading for column in table.columns].index(heading)
    return next(cells[place] for cells in table.rows if cells[0].text == row)


@pytest.fixture(scope="module")
def complete(store) -> StudyRuns:
    return runs.read("complete", store.uri)


@pytest.fixture(scope="module")
def found(complete: StudyRuns) -> Comparison:
    return compared(complete)


def changed(study: StudyRuns, method: str, place: int, **values: object) -> StudyRuns:
    """The study with one replicate of `method` altered."""
    target = study.replicates(method)[place]
    trials = (dataclasses.replace(one, **values) if one is target else one for one in study.trials)
    return dataclasses.replace(study, trials=tuple(trials))


def test_a_cell_is_mean_and_standard_deviation_over_replicates(found: Comparison) -> None:
    # 20.0, 20.5, 21.0: mean 20.5, deviation sqrt((0.25 + 0 + 0.25) / 2) = 0.5
    assert cell(found.parts[0].scores, "beta_vae", "bce ↓").text == "20.50 ± 0.50"


def test_the_significantly_best_is_marked(found: Comparison) -> None:
    assert cell(found.parts[0].scores, "vae", "elbo ↑").marked
    assert not cell(found.parts[0].scores, "beta_vae", "elbo ↑").marked


def test_the_best_mean_is_not_marked_where_it_is_not_significantly_best(found: Comparison) -> None:
    assert cell(found.parts[0].scores, "ae", "bce ↓").text.startswith("10.17")
    assert not any(row[2].marked for row in compared(found.study, ["bce"]).parts[0].scores.rows)


def test_a_metric_without_a_direction_has_no_arrow_and_no_mark(found: Comparison) -> None:
    assert not cell(found.parts[0].scores, "vae", "rate").marked
    assert not cell(found.parts[0].scores, "beta_vae", "rate").marked


def test_a_metric_that_a_method_does_not_have_is_a_dash(found: Comparison) -> None:
    assert cell(found.parts[0].scores, "ae", "rate").text == MISSING


def test_the_metric_that_chose_comes_first_and_orders_the_rows(found: Comparison) -> None:
    assert [column.heading for column in found.parts[0].scores.columns[:3]] == ["method", "n", "elbo ↑"]
    assert [row[0].text for row in found.parts[0].scores.rows] == ["vae", "beta_vae", "ae"]


def test_the_caption_names_test_level_seeds_and_units(found: Comparison) -> None:
    for words in ("Welch's t-test, two-sided", "Holm", "level 0.05", "n = 3 seeds", "fresh seeds", "rate in nats"):
        assert words in found.parts[0].scores.caption


def test_columns_can_be_chosen_with_and_without_their_split(complete: StudyRuns) -> None:
    headings = [column.heading for column in compared(complete, ["test/rate", "bce"]).parts[0].scores.columns]

    assert headings == ["method", "n", "rate", "rate 95%", "bce ↓"]


def test_an_unknown_metric_is_named_with_the_nearest(complete: StudyRuns) -> None:
    with pytest.raises(BadInput, match="unknown test metric 'ratte': did you mean 'rate'"):
        compared(complete, ["ratte"])


def test_configurations_are_counted_by_outcome(found: Comparison) -> None:
    counts = {row[0].text: [one.text for one in row[2:5]] for row in found.parts[0].configurations.rows}

    assert counts == {"ae": ["2", "0", "0"], "vae": ["3", "1", "0"], "beta_vae": ["3", "0", "1"]}


def test_the_best_configuration_has_what_differs_and_the_caption_what_does_not(found: Comparison) -> None:
    assert cell(found.parts[0].configurations, "beta_vae", "best configuration").text == "beta=4.0"
    assert "data=digits, epochs=4" in found.parts[0].configurations.caption


def test_seconds_are_those_of_a_replicate(found: Comparison) -> None:
    assert cell(found.parts[0].configurations, "vae", "s per run").text == "10"


def test_a_complete_study_has_no_notes(found: Comparison) -> None:
    assert found.notes == ()


def test_a_replicate_that_failed_is_noted(complete: StudyRuns) -> None:
    short = compared(changed(complete, "vae", 0, outcome="failed: x", status="FAILED"))

    assert short.notes == ("vae has 2 finished replicates of 3 planned",)
    assert "n = 2 to 3 seeds" in short.parts[0].scores.caption


def test_a_single_replicate_is_not_tested_and_takes_the_marks_of_the_others(complete: StudyRuns) -> None:
    less = changed(complete, "beta_vae", 0, outcome="failed: x", status="FAILED")
    least = compared(changed(less, "beta_vae", 0, outcome="failed: x", status="FAILED"))

    assert "beta_vae has 1 finished replicate of 3 planned; with fewer than 2" in least.notes[0]
    assert cell(least.parts[0].scores, "beta_vae", "bce ↓").text == "21.00"
    assert not cell(least.parts[0].scores, "vae", "elbo ↑").marked


def test_a_value_that_is_not_finite_is_shown_and_noted(complete: StudyRuns) -> None:
    broken = compared(changed(complete, "beta_vae", 0, metrics={"test/bce": 20.0, "test/elbo": math.nan}))

    assert cell(broken.parts[0].scores, "beta_vae", "elbo ↑").text == "nan"
    assert not cell(broken.parts[0].scores, "vae", "elbo ↑").marked
    assert "test/elbo of beta_vae is not finite in 1 of 3 runs: no mark in this column" in broken.notes


def test_running_trials_are_noted(complete: StudyRuns) -> None:
    going = compared(changed(complete, "vae", 2, outcome="", status="RUNNING", end=None))

    assert going.notes[0] == "1 of 17 trials are still running or were interrupted"


def test_without_replicates_the_best_of_the_search_stands_without_marks(store) -> None:
    found = comparison("searching", store.uri)

    assert not found.parts[0].rows.replicated
    assert found.notes[0].startswith("no replicate of searching has finished yet (8 trials ran)")
    assert cell(found.parts[0].scores, "vae", "bce ↓").text == "13.00"  # of the configuration with the better elbo
    assert {row[1].text for row in found.parts[0].scores.rows} == {"1"}
    assert not any(one.marked for row in found.parts[0].scores.rows for one in row)


def test_a_study_in_which_nothing_finished_is_refused_with_the_count(store) -> None:
    with pytest.raises(BadInput, match=r"none of its 1 trials has finished \(1 failed, 0 stopped early\)"):
        comparison("hopeless", store.uri)


@pytest.fixture(scope="module")
def several(complete: StudyRuns) -> StudyRuns:
    """The study again on a second data set, on a tenth of its rows, where all nats are less by one."""

    def shifted(one: TrialRun) -> TrialRun:
        metrics = {name: value - 1 for name, value in one.metrics.items()}
        return dataclasses.replace(one, params={**one.params, "data": "usps@0.1"}, metrics=metrics)

    return dataclasses.replace(complete, trials=(*complete.trials, *map(shifted, complete.trials)))


def test_every_data_set_has_a_table_of_its_own(several: StudyRuns) -> None:
    found = compared(several)
    assert [part.data for part in found.parts] == ["digits", "usps"]
    assert [cell(part.scores, "vae", "elbo ↑").text for part in found.parts] == ["-15.00 ± 0.10", "-16.00 ± 0.10"]
    assert [table.title for table in found.tables] == [
        "complete on digits: test metrics",
        "complete on usps: test metrics",
        "test/elbo over 2 data sets",
        "Best configurations on digits",
        "Best configurations on usps",
    ]


def test_a_trial_of_two_arms_counts_for_both(complete: StudyRuns) -> None:
    twin = (dataclasses.replace(one, arms=("vae", "twin")) if one.method == "vae" else one for one in complete.trials)
    scores = compared(dataclasses.replace(complete, trials=tuple(twin))).parts[0].scores
    assert cell(scores, "vae", "elbo ↑").text == cell(scores, "twin", "elbo ↑").text == "-15.000 ± 0.100"


def test_every_number_of_a_scaled_study_says_so(complete: StudyRuns) -> None:
    scaled = dataclasses.replace(complete, params={**complete.params, "scale": "0.1", "seeds": "30"})
    found = compared(scaled)
    assert "at scale 0.1 (10% of the epochs, seeds and training rows)" in found.parts[0].scores.title
    numbers = [one.text for row in found.parts[0].scores.rows for one in row[2:] if one.text != MISSING]
    assert all(number.endswith(" @10%") for number in numbers)
    assert found.notes == ()  # three replicates are all that are planned


def test_the_interval_of_the_first_metric_is_the_bootstraps(found: Comparison) -> None:
    # Of three values the lowest and the highest mean of a resample have probability 1/27 each.
    assert cell(found.parts[0].scores, "vae", "elbo 95%").text == "-15.10 to -14.90"


def test_a_papers_tables_come_beside_ours(complete: StudyRuns) -> None:
    block = {"table": "Table 1", "metrics": {"kmeans_v_measure": "bce"}}
    paper = Paper(name="Hub-VAE", tables=[block], rows={"Hub-VAE": "vae"}, data={"USPS": "digits"}, own=["vae"])
    found = compared(complete, paper=paper)
    assert "Hub-VAE, Table 1: theirs and ours" in [table.title for table in found.tables]
    assert any(note.startswith("Hub-VAE: The text claims") for note in found.notes)
