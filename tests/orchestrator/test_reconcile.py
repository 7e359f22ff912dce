"""MLflow damaged in the ways that crashes damage it, then mended from the records."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from mlflow import MlflowClient
from mlflow.entities import Run

from methods.core.errors import BadInput
from orchestrator import reconcile
from orchestrator.definition.study import Study
from orchestrator.records import ledger, schema
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.location import connect
from orchestrator.records.tracking import StudyTracking
from pipelines import artifact
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training

STUDY = Study(
    data="digits",
    methods=["vae"],
    trials=1,
    seeds=2,
    fixed={"network": "mlp", "latent": 2, "epochs": 4},
)
START = 1_700_000_000_000
NOTHING = "MLflow is in line with the records: nothing to mend\n"


@pytest.fixture(scope="session")
def trained(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    trial = STUDY.trial("vae", {}, seed=0)
    folder = tmp_path_factory.mktemp("trained") / "method"
    artifact.save(folder, trial, Training(trial, digits, torch.device("cpu")).method, digits)
    return folder


class Scene:
    """A study of three trials, complete in its records and in MLflow."""

    def __init__(self, folder: Path, uri: str, trained: Path) -> None:
        self.uri, self.records, self.client = uri, Ledger(folder / "tiny"), connect(uri)
        session = self.records.adopt(STUDY)
        self.tracking = StudyTracking(self.client, "tiny", STUDY, session, self.records)
        self.identities = [self._write(seed, trained) for seed in range(3)]
        for identity in self.identities:
            self.tracking.sync(identity)
        self.tracking.finish(self.records.read(self.identities[2]))

    def _write(self, seed: int, trained: Path) -> str:
        trial = STUDY.trial("vae", {}, seed=seed)
        history = [{"epoch": epoch, "time": START + epoch, "train/rate": 1.0, "valid/elbo": seed} for epoch in (1, 2)]
        role = schema.REPLICATE if seed else schema.SEARCH
        record = Record(trial.identity, trial.configuration, trial.settings(), role, START, history=history)
        record.status, record.ended, record.test = ledger.FINISHED, START + 9, {"mse": 0.5}
        shutil.copytree(trained, self.records.trial_folder(record.identity) / "method")
        self.records.write(record)
        return trial.identity

    def runs(self, identity: str) -> list[Run]:
        query = f"tags.`{schema.IDENTITY}` = '{identity}'"
        return list(self.client.search_runs([self.tracking.experiment.experiment_id], query))

    def run(self, identity: str) -> Run:
        (run,) = self.runs(identity)
        return run

    def epochs(self, identity: str, metric: str = "valid/elbo") -> list[int]:
        run = self.run(identity).info.run_id
        return [point.step for point in self.client.get_metric_history(run, metric)]

    def mend(self) -> list[str]:
        work = reconcile.reconcile(self.records, self.uri)
        assert work.left == []
        return work.mended

    def unfinish(self, identity: str) -> None:
        """The trial is one that was met in the middle."""
        record = self.records.read(identity)
        assert record is not None
        record.status, record.ended, record.test = ledger.RUNNING, 0, {}
        self.records.write(record)


@pytest.fixture
def scene(tmp_path: Path, uri: str, trained: Path) -> Scene:
    return Scene(tmp_path, uri, trained)


def create(client: MlflowClient, run: Run, **tags: str) -> Run:
    """A second run with the first one's tags, still running."""
    return client.create_run(run.info.experiment_id, tags={**run.data.tags, **tags})


def test_what_is_in_line_is_left_alone(scene: Scene) -> None:
    assert scene.mend() == []


def test_a_run_that_counts_as_running_is_ended_as_its_record_says(scene: Scene) -> None:
    identity = scene.identities[0]
    run = scene.run(identity).info.run_id
    scene.client.update_run(run, status="RUNNING")
    scene.client.delete_tag(run, schema.OUTCOME)
    assert scene.mend() == [f"trial {identity} was RUNNING (no outcome): written again"]
    assert scene.run(identity).info.status == "FINISHED"
    assert scene.run(identity).data.tags[schema.OUTCOME] == "finished"
    assert scene.mend() == []


def test_a_trial_in_the_middle_is_interrupted_and_so_is_its_study(scene: Scene) -> None:
    identity = scene.identities[1]
    scene.unfinish(identity)
    run = scene.run(identity).info.run_id
    scene.client.delete_tag(run, schema.OUTCOME)
    scene.client.update_run(run, status="RUNNING")
    assert scene.mend() == [
        f"trial {identity} was RUNNING (no outcome): written again",
        "the study's run was FINISHED: now KILLED",
    ]
    assert scene.run(identity).info.status == "KILLED"
    assert scene.run(identity).data.tags[schema.OUTCOME] == schema.INTERRUPTED
    assert scene.client.get_run(scene.tracking.parent).info.status == "KILLED"
    assert scene.mend() == []


def test_a_missing_run_is_written_with_all_it_had(scene: Scene) -> None:
    identity = scene.identities[0]
    scene.client.delete_run(scene.run(identity).info.run_id)
    assert scene.mend() == [f"trial {identity} had no run: written again"]
    assert scene.epochs(identity) == [1, 2]
    assert scene.run(identity).data.metrics["test/mse"] == 0.5
    assert schema.MODEL in scene.run(identity).data.tags
    assert scene.mend() == []


def test_reports_and_metrics_that_are_missing_are_written(scene: Scene) -> None:
    first, second, _ = scene.identities
    for identity, entry in ((first, {"valid/elbo": 0.0, "train/rate": 1.0}), (second, {"valid/elbo": 0, "new": 1.0})):
        record = scene.records.read(identity)
        assert record is not None
        record.history.append({"epoch": 3, "time": START + 3, **entry})
        scene.records.write(record)
    assert scene.mend() == [
        f"trial {first} lacked 1 of 3 reports: written again",
        f"trial {second} lacked 1 of 4 metrics: written again",
    ]
    assert scene.epochs(first) == scene.epochs(second) == [1, 2, 3]
    assert scene.epochs(second, "new") == [3]
    assert scene.mend() == []


def test_of_two_runs_of_a_trial_the_complete_one_stays(scene: Scene) -> None:
    identity = scene.identities[0]
    kept = scene.run(identity)
    other = create(scene.client, kept)
    assert scene.mend() == [f"trial {identity} had a second run {other.info.run_id}: deleted"]
    assert scene.run(identity).info.run_id == kept.info.run_id
    assert scene.mend() == []


def test_the_trials_of_a_second_run_of_the_study_move_to_the_first(scene: Scene) -> None:
    parent = scene.client.get_run(scene.tracking.parent)
    other = create(scene.client, parent)
    child = scene.run(scene.identities[0]).info.run_id
    scene.client.set_tag(child, schema.PARENT, other.info.run_id)
    assert scene.mend() == [f"the study had a second run {other.info.run_id}: deleted, its trials moved"]
    assert scene.client.get_run(child).data.tags[schema.PARENT] == parent.info.run_id
    assert scene.mend() == []


def test_a_running_run_without_a_record_is_closed(scene: Scene) -> None:
    run = create(scene.client, scene.run(scene.identities[0]), **{schema.IDENTITY: "unknown"})
    assert scene.mend() == [f"run {run.info.run_id} was RUNNING and has no record: closed"]
    assert scene.client.get_run(run.info.run_id).info.status == "KILLED"
    assert scene.mend() == []


def test_an_empty_mlflow_gets_all_of_the_study(scene: Scene, tmp_path: Path, empty_database: Path) -> None:
    shutil.copy(empty_database, tmp_path / "other.db")
    scene.uri = f"sqlite:///{tmp_path}/other.db"
    mended = scene.mend()
    assert mended[0] == "the study's experiment was missing: written anew"
    assert mended[1:4] == [f"trial {identity} had no run: written again" for identity in scene.identities]
    assert mended[4:] == ["the study's run was RUNNING: now FINISHED"]
    assert scene.mend() == []


def test_the_command_says_what_it_mended(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["tiny", "--results", str(scene.records.folder.parent), "--tracking-uri", scene.uri]
    scene.client.update_run(scene.tracking.parent, status="RUNNING")
    assert reconcile.main(places) == 0
    assert capsys.readouterr().out == "the study's run was RUNNING: now FINISHED\n"
    assert reconcile.main(places) == 0
    assert capsys.readouterr().out == NOTHING


def test_a_trained_method_that_is_gone_is_told_and_the_rest_is_mended(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = scene.identities[0]
    scene.client.delete_run(scene.run(identity).info.run_id)
    shutil.rmtree(scene.records.trial_folder(identity) / "method")
    places = ["tiny", "--results", str(scene.records.folder.parent), "--tracking-uri", scene.uri]
    assert reconcile.main(places) == 1
    said = capsys.readouterr()
    assert said.out == f"trial {identity} had no run: written again\n"
    assert said.err == f"not mended: trial {identity} has no trained method in its folder any more\n"
    assert scene.epochs(identity) == [1, 2]
    assert reconcile.main(places) == 1
    assert capsys.readouterr().out == ""


def test_a_study_that_a_sweep_is_running_is_refused(scene: Scene) -> None:
    with scene.records.claim(), pytest.raises(BadInput, match="another sweep is running this study"):
        reconcile.reconcile(scene.records, scene.uri)


def test_a_study_without_records_is_told(tmp_path: Path, uri: str) -> None:
    with pytest.raises(BadInput, match=r"no records of a study in .*nothing: name the folder above it with --results"):
        reconcile.reconcile(Ledger(tmp_path / "nothing"), uri)
