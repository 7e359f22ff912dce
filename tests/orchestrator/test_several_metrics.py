"""A study with two metrics from its search to its comparison: real trials and a real MLflow, without Ray."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from ray.tune.search import Searcher

from methods.core.errors import BadInput
from orchestrator.comparison.report import Comparison, compared
from orchestrator.comparison.rows import rows
from orchestrator.definition.study import Study
from orchestrator.records import ledger, references, runs, schema
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.location import connect
from orchestrator.records.runs import StudyRuns
from orchestrator.records.tracking import StudyTracking
from orchestrator.running.standing import best_replicate, configurations, standing
from orchestrator.running.trainable import StudyTrial
from orchestrator.search.study_search import StudySearch
from pipelines.datasets.dataset import Dataset, to_arrays

STUDY = Study(
    data="digits",
    methods=["beta_vae"],
    trials=4,
    seeds=1,
    metric=["valid/bce", "valid/rate"],
    mode=["min", "min"],
    search="random",
    early_stopping=None,
    fixed={"network": "mlp", "latent": 2, "epochs": 2, "batch_size": 200},
    figures=[],
)


@dataclass(frozen=True)
class Swept:
    """What the study left."""

    records: list[Record]
    study: StudyRuns
    uri: str


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, empty_database: Path, digits: Dataset) -> Swept:
    folder = tmp_path_factory.mktemp("several")
    records = Ledger(folder / "several")
    session = records.adopt(STUDY)
    uri = f"sqlite:///{folder}/mlflow.db"
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    _run(StudySearch(STUDY, []), records, digits)
    tracking = StudyTracking(connect(uri), "several", STUDY, session, records)
    found = list(records.records())
    for record in found:
        tracking.sync(record.identity)
    tracking.finish(best_replicate(STUDY, found))
    return Swept(found, runs.read("several", uri), uri)


def _run(search: StudySearch, records: Ledger, digits: Dataset) -> None:
    """Every trial of the study, one after another."""
    number = 0
    while isinstance(config := search.suggest(str(number)), dict):
        trial = object.__new__(StudyTrial)  # Ray's own initialization wants a cluster
        arrays, checksums = {"digits": to_arrays(digits)}, {"digits": digits.checksum}
        trial.setup(config, arrays=arrays, checksums=checksums, study=STUDY, folder=str(records.folder), facts={})
        while not (result := trial.step())["done"]:
            search.on_trial_result(str(number), result)
        search.on_trial_complete(str(number), result)
        number += 1
    assert config == Searcher.FINISHED
    assert search.done


def unbeaten(records: list[Record]) -> set[str]:
    """Configurations of the search that no other one beats in both metrics."""
    points = {
        record.configuration: (record.value("valid/bce") or 0.0, record.value("valid/rate") or 0.0)
        for record in records
        if record.role == schema.SEARCH
    }
    return {
        name
        for name, (bce, rate) in points.items()
        if not any(other != (bce, rate) and other[0] <= bce and other[1] <= rate for other in points.values())
    }


def test_the_front_of_the_search_is_replicated(swept: Swept) -> None:
    replicated = {record.configuration for record in swept.records if record.role == schema.REPLICATE}
    assert replicated == unbeaten(swept.records)
    assert all(record.status == ledger.FINISHED for record in swept.records)


def test_the_comparison_has_a_row_for_each_configuration_of_the_front(swept: Swept) -> None:
    standing_trials = rows(swept.study).standing.values()
    assert {trial.configuration for trials in standing_trials for trial in trials} == unbeaten(swept.records)


def test_the_study_says_in_mlflow_which_metrics_it_goes_by(swept: Swept) -> None:
    assert (swept.study.tags[schema.METRIC], swept.study.tags[schema.MODE]) == ("valid/bce, valid/rate", "min, min")


def test_the_table_of_the_front_is_there(swept: Swept) -> None:
    found: Comparison = compared(swept.study)
    assert "several: Pareto front" in [table.title for table in found.tables]


def test_a_study_of_several_metrics_is_complete_with_the_fronts_replicates(swept: Swept) -> None:
    now = standing(STUDY, configurations(STUDY), swept.records)
    assert now.complete
    assert now.rows[0].best == len(unbeaten(swept.records))


def test_no_method_of_a_front_is_the_best(swept: Swept) -> None:
    with pytest.raises(BadInput, match="goes by valid/bce, valid/rate, so no method of it is the best: name a trial"):
        references.model_id(connect(swept.uri), "best:several")
