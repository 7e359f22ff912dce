"""Ours beside a paper's."""

from __future__ import annotations

import math

import pytest

from orchestrator.comparison import reproduction
from orchestrator.comparison.significance import Summary
from orchestrator.comparison.tables import MISSING
from orchestrator.definition.paper import Paper
from orchestrator.records.runs import TrialRun
from pipelines.papers import Reported

PAPER = Paper.model_validate(
    {
        "name": "Hub-VAE",
        "tables": [{"table": "Table 1", "metrics": {"kmeans_v_measure": "v_measure"}}],
        "rows": {"VAE-Gaussian": "VAE", "VAE-Vamp": "Vamp", "Hub-VAE": "Hub"},
        "data": {"USPS": "usps"},
        "own": ["Hub"],
    }
)


def trials(arm: str, values: list[float], metric: str = "v_measure") -> list[TrialRun]:
    return [
        TrialRun(str(value), arm, "replicate", "i", "c", 1, "finished", "FINISHED", {}, {f"test/{metric}": value}, 0, 1)
        for value in values
    ]


def test_the_difference_is_in_deviations_of_both_sides() -> None:
    theirs = Reported("p", "t", "d", "m", "x", value=10.0, deviation=3.0)
    # sqrt((4^2 + 3^2) / 2) = 3.5355
    assert reproduction.difference(Summary(20.0, 4.0, 3), theirs) == pytest.approx(10 / math.sqrt(12.5))
    assert reproduction.difference(Summary(-20.0, 4.0, 3), theirs, -1) == pytest.approx(10 / math.sqrt(12.5))


def test_without_a_deviation_of_theirs_ours_is_the_unit_and_without_any_there_is_no_difference() -> None:
    theirs = Reported("p", "t", "d", "m", "x", value=10.0)
    assert reproduction.difference(Summary(12.0, 4.0, 3), theirs) == 0.5
    assert math.isnan(reproduction.difference(Summary(12.0, math.nan, 1), theirs))


def test_a_row_has_theirs_ours_and_the_difference() -> None:
    standings = {"usps": {"VAE": trials("VAE", [0.54, 0.56])}}
    (table,) = reproduction.beside(PAPER, standings, mark=" @10%")
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in table.rows}
    # ours 0.55 ± 0.0141, theirs 0.52 ± 0.01: 0.03 / sqrt((0.0002 + 0.0001) / 2) = 2.4
    assert rows["VAE-Gaussian"] == ["USPS", "VAE", "0.52 ± 0.01", "0.550 ± 0.014 @10%", "+2.4 sd @10%"]
    assert rows["Ex-VAE"] == ["USPS", MISSING, "0.69 ± 0.01", MISSING, MISSING]


def test_a_factor_turns_ours_into_the_papers_unit() -> None:
    block = {"table": "Table 1", "metrics": {"neg_elbo": {"metric": "elbo", "factor": -1}}}
    paper = Paper.model_validate(
        {"name": "NE-VAE", "tables": [block], "rows": {"VAE": "vae"}, "data": {"Omniglot (nz=32)": "o"}}
    )
    (table,) = reproduction.beside(paper, {"o": {"vae": trials("vae", [-90.0, -92.0], "elbo")}})
    row = next(row for row in table.rows if row[0].text == "VAE")
    assert row[4].text == "91.0 ± 1.4"


def test_claims_that_hold_are_counted_and_others_listed() -> None:
    standing = {
        "Hub": trials("Hub", [0.75, 0.76, 0.77]),
        "VAE": trials("VAE", [0.52, 0.53, 0.51]),
        "Vamp": trials("Vamp", [0.80, 0.81, 0.82]),
    }
    table = reproduction.claims(PAPER, {"usps": standing})
    assert table is not None
    (row,) = table.rows
    assert row[0].text == "Hub-VAE is better than VAE-Vamp in kmeans_v_measure (Table 1)"
    assert row[4].text.startswith("does not hold, p = ")
    assert "1 of 2 claims hold" in table.caption


def test_the_right_direction_without_significance_is_told_apart() -> None:
    standing = {"Hub": trials("Hub", [0.5, 0.9]), "VAE": trials("VAE", [0.4, 0.8]), "Vamp": []}
    table = reproduction.claims(PAPER, {"usps": standing})
    assert table is not None
    assert [row[4].text.split(",")[0] for row in table.rows] == ["not significant", "not measured"]


def test_what_stands_in_orders_methods_where_the_metric_was_not_measured() -> None:
    found = {"metric": "frechet_inception_reconstructions", "stand_in": "frechet_classifier_reconstructions"}
    given = PAPER.model_dump() | {"tables": [{"table": "Table 2", "metrics": {"fid_reconstruction": found}}]}
    paper = Paper.model_validate(given | {"rows": {"ByPE-VAE": "ByPE", "Hub-VAE": "Hub"}})
    name = "frechet_classifier_reconstructions"
    standing = {"Hub": trials("Hub", [5.0, 5.1, 5.2], name), "ByPE": trials("ByPE", [4.0, 4.1, 4.2], name)}
    table = reproduction.claims(paper, {"usps": standing})
    assert table is not None
    assert table.rows[0][2].text == name
    assert table.rows[0][4].text.startswith("does not hold")
    (beside,) = reproduction.beside(paper, {"usps": standing})
    hub = next(row for row in beside.rows if row[0].text == "Hub-VAE")
    assert [cell.text for cell in hub[4:]] == [MISSING, MISSING, "5.10 ± 0.10"]


def test_a_claim_beside_the_tables_is_tested_by_its_metric() -> None:
    claim = {"says": "fewer nats", "better": "a", "than": ["b"], "metric": "rate", "lower": True}
    paper = Paper.model_validate({"name": "NE-VAE", "claims": [claim]})
    standing = {"a": trials("a", [5.0, 5.1, 5.2], "rate"), "b": trials("b", [2.0, 2.1, 2.2], "rate")}
    table = reproduction.claims(paper, {"o": standing})
    assert table is not None
    assert [cell.text for cell in table.rows[0][:4]] == ["fewer nats (a against b)", "o", "rate", "5.10 and 2.10"]


def test_notes_are_those_of_the_tables_that_are_reproduced() -> None:
    notes = reproduction.notes(PAPER)
    assert any("at least 8% more V-measure" in note for note in notes)
    assert not any("NoContrastive" in note for note in notes)
