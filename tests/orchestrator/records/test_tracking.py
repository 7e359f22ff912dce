"""A study in a real MLflow store, in line with its records."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records import ledger, schema
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.location import connect
from orchestrator.records.tracking import StudyTracking, open_tracking
from pipelines import artifact
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training

METRIC = "valid/elbo"
STUDY = Study(
    description="A small study.",
    data="digits",
    methods=["vae"],
    metric=METRIC,
    fixed={"network": "mlp", "latent": 2, "epochs": 4},
    space={"learning_rate": {"low": 1e-4, "high": 1e-2}},
)
START = 1_700_000_000_000


@pytest.fixture(scope="session")
def trained(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved method; that it was hardly trained does not matter here."""
    trial = STUDY.trial("vae", {}, seed=0)
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("trained") / "method"
    artifact.save(folder, trial, Training(trial, digits, torch.device("cpu")).method, digits)
    return folder


class Tracked:
    """A study's records and its MLflow."""

    def __init__(self, folder: Path, uri: str, trained: Path) -> None:
        self.uri, self.records, self.trained = uri, Ledger(folder / "tiny"), trained
        self.session = self.records.adopt(STUDY)
        self.client = connect(uri)
        self.tracking = StudyTracking(self.client, "tiny", STUDY, self.session, self.records)

    def record(self, seed: int = 0, reports: int = 2, **more: Any) -> Record:
        """The record of a trial, on disk."""
        trial = STUDY.trial("vae", {}, seed=seed)
        history = [
            {"epoch": epoch, "time": START + epoch, "train/rate": 1.0 / epoch, METRIC: float(-epoch)}
            for epoch in range(1, reports + 1)
        ]
        role = "replicate" if seed else "search"
        facts = {"hostname": "here", "process": "1"}
        kept = Record(trial.identity, trial.configuration, trial.settings(), role, START, history=history, facts=facts)
        return self.write(kept, **more)

    def write(self, record: Record, **changes: Any) -> Record:
        for name, value in changes.items():
            setattr(record, name, value)
        if record.status == ledger.FINISHED:
            record.test, record.ended = {"mse": 0.25}, START + 9000
            shutil.copytree(self.trained, self.records.trial_folder(record.identity) / "method", dirs_exist_ok=True)
        self.records.write(record)
        return record

    def sync(self, record: Record) -> Run:
        self.tracking.sync(record.identity)
        return self.run(record)

    def run(self, record: Record) -> Run:
        """The one run of a trial."""
        (found,) = [run for run in self.runs("trial") if run.data.tags[schema.IDENTITY] == record.identity]
        return found

    def runs(self, kind: str) -> list[Run]:
        experiment = self.client.get_experiment_by_name("tiny")
        assert experiment is not None
        found = self.client.search_runs([experiment.experiment_id])
        return [run for run in found if run.data.tags[schema.KIND] == kind]

    def restart(self) -> None:
        """What a second start of the sweep has: the records and MLflow, nothing else."""
        self.tracking = open_tracking(self.records.folder, self.uri)

    def points(self, run: Run, metric: str) -> list[tuple[int, float]]:
        return [(point.step, point.value) for point in self.client.get_metric_history(run.info.run_id, metric)]


@pytest.fixture
def tracked(tmp_path: Path, uri: str, trained: Path) -> Tracked:
    return Tracked(tmp_path, uri, trained)


def test_the_study_has_a_run_with_its_definition(tracked: Tracked) -> None:
    (run,) = tracked.runs("study")
    assert run.info.status == "RUNNING"
    assert run.data.params["metric"] == METRIC
    assert run.data.tags[schema.DEFINITION] == STUDY.definition
    assert run.data.tags[schema.NOTE] == "A small study."
    assert [file.path for file in tracked.client.list_artifacts(run.info.run_id)] == ["study.yaml"]


def test_a_second_start_finds_the_run_of_the_study(tracked: Tracked) -> None:
    first = tracked.tracking.parent
    tracked.restart()
    assert tracked.tracking.parent == first
    assert len(tracked.runs("study")) == 1


def test_another_folder_of_records_is_another_run_of_the_study(tracked: Tracked, tmp_path: Path) -> None:
    Tracked(tmp_path / "elsewhere", tracked.uri, tracked.trained)
    assert len(tracked.runs("study")) == 2


def test_a_running_trial_has_its_settings_and_its_curves(tracked: Tracked) -> None:
    record = tracked.record()
    run = tracked.sync(record)
    assert run.info.status == "RUNNING"
    assert run.data.params == {name: str(value) for name, value in record.settings.items()}
    assert tracked.points(run, METRIC) == [(1, -1.0), (2, -2.0)]
    assert run.data.tags[schema.PARENT] == tracked.tracking.parent
    assert run.data.tags[schema.ROLE] == "search"
    assert schema.OUTCOME not in run.data.tags


def test_points_carry_the_time_at_which_they_were_measured(tracked: Tracked) -> None:
    run = tracked.sync(tracked.record())
    history = tracked.client.get_metric_history(run.info.run_id, METRIC)
    assert [point.timestamp for point in history] == [START + 1, START + 2]


@pytest.mark.parametrize(
    ("changes", "status", "outcome"),
    [
        ({"status": ledger.FINISHED}, "FINISHED", "finished"),
        ({"status": ledger.STOPPED}, "KILLED", "stopped early after epoch 2"),
        (
            {"status": ledger.FAILED, "message": "the term 'rate' became nan"},
            "FAILED",
            "failed: the term 'rate' became nan",
        ),
    ],
)
def test_the_run_of_a_trial_that_ended_says_how(
    tracked: Tracked, changes: dict[str, Any], status: str, outcome: str
) -> None:
    run = tracked.sync(tracked.record(**changes))
    assert (run.info.status, run.data.tags[schema.OUTCOME]) == (status, outcome)


def test_a_trial_that_failed_before_its_first_report_has_a_run(tracked: Tracked) -> None:
    run = tracked.sync(tracked.record(reports=0, status=ledger.FAILED, message="its process died 4 times"))
    assert run.info.status == "FAILED"
    assert run.data.metrics == {}


def test_a_finished_trial_has_test_metrics_and_its_method(tracked: Tracked, tmp_path: Path) -> None:
    run = tracked.sync(tracked.record(status=ledger.FINISHED))
    assert run.data.metrics["test/mse"] == 0.25
    model = tracked.client.get_logged_model(run.data.tags[schema.MODEL])
    place = Path(model.artifact_location.removeprefix("file://"))
    assert artifact.load(place).trial == STUDY.trial("vae", {}, seed=0)


def test_numbers_that_are_not_finite_are_kept(tracked: Tracked) -> None:
    record = tracked.record()
    record.history[-1][METRIC] = math.nan
    run = tracked.sync(tracked.write(record, status=ledger.FINISHED))
    values = dict(tracked.points(run, METRIC))
    assert values[1] == -1.0
    assert math.isnan(values[2])


@pytest.mark.parametrize("status", [ledger.RUNNING, ledger.FINISHED, ledger.FAILED, ledger.STOPPED])
@pytest.mark.parametrize("restarted", [False, True])
def test_writing_twice_changes_nothing(tracked: Tracked, status: str, restarted: bool) -> None:
    def seen(run: Run) -> tuple[Any, ...]:
        points = {name: tracked.points(run, name) for name in run.data.metrics}
        return run.info.run_id, run.info.status, run.info.end_time, run.data.tags, run.data.params, points

    record = tracked.record(status=status)
    first = seen(tracked.sync(record))
    if restarted:
        tracked.restart()
    assert seen(tracked.sync(record)) == first
    assert len(tracked.client.search_logged_models([tracked.runs("trial")[0].info.experiment_id])) == (
        status == ledger.FINISHED
    )


def test_what_is_new_in_a_record_is_added(tracked: Tracked) -> None:
    tracked.sync(tracked.record(reports=1))
    tracked.restart()
    run = tracked.sync(tracked.record(reports=3))
    assert tracked.points(run, METRIC) == [(1, -1.0), (2, -2.0), (3, -3.0)]


def test_more_points_than_fit_in_one_call_are_all_written(tracked: Tracked) -> None:
    run = tracked.sync(tracked.record(reports=1100))
    assert len(tracked.points(run, METRIC)) == 1100


def test_an_interrupted_study_leaves_no_run_running(tracked: Tracked) -> None:
    running, finished = tracked.record(), tracked.record(seed=1, status=ledger.FINISHED)
    for record in (running, finished):
        tracked.sync(record)
    tracked.tracking.interrupt()
    assert tracked.run(running).info.status == "KILLED"
    assert tracked.run(running).data.tags[schema.OUTCOME] == schema.INTERRUPTED
    assert tracked.run(finished).data.tags[schema.OUTCOME] == "finished"
    assert tracked.runs("study")[0].info.status == "KILLED"


def test_an_interrupted_trial_goes_on_in_the_same_run(tracked: Tracked) -> None:
    record = tracked.record()
    first = tracked.sync(record)
    tracked.tracking.interrupt()
    tracked.restart()
    again = tracked.sync(record)
    assert tracked.runs("study")[0].info.status == again.info.status == "RUNNING"
    assert again.info.run_id == first.info.run_id
    assert schema.OUTCOME not in again.data.tags
    ended = tracked.sync(tracked.record(reports=3, status=ledger.FINISHED))
    assert (ended.info.status, ended.data.tags[schema.OUTCOME]) == ("FINISHED", "finished")
    assert tracked.points(ended, METRIC) == [(1, -1.0), (2, -2.0), (3, -3.0)]


def test_a_run_left_running_by_a_crash_is_taken_up(tracked: Tracked) -> None:
    first = tracked.sync(tracked.record())
    tracked.restart()
    assert tracked.sync(tracked.record(status=ledger.STOPPED)).info.run_id == first.info.run_id
    assert tracked.run(tracked.record()).info.status == "KILLED"


def test_the_run_names_the_process_that_ran_the_trial_last(tracked: Tracked) -> None:
    record = tracked.record()
    tracked.sync(record)
    record.facts["process"] = "2"
    run = tracked.sync(tracked.write(record, status=ledger.FINISHED))
    assert run.data.tags["lo.process"] == "2"


def lose(tracked: Tracked, record: Record, call: str, monkeypatch: pytest.MonkeyPatch, *, done: bool = False) -> None:
    """Write a record while the answers to one kind of call are lost, after the call was `done` or before."""
    real = getattr(MlflowClient, call)

    def lost(*arguments: Any, **named: Any) -> None:
        if done:
            real(*arguments, **named)
        raise ConnectionError("the answer was lost")

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, call, lost)
        with pytest.raises(ConnectionError):
            tracked.tracking.sync(record.identity)


def test_a_run_that_a_crash_left_without_settings_gets_them(tracked: Tracked, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(tracked, tracked.record(), "log_batch", monkeypatch)
    tracked.restart()
    run = tracked.sync(tracked.record(status=ledger.FINISHED))
    assert run.data.params["learning_rate"] == "0.001"


@pytest.mark.parametrize("done", [True, False])
def test_a_creation_whose_answer_was_lost_leaves_one_run(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    record = tracked.record()
    lose(tracked, record, "create_run", monkeypatch, done=done)
    run = tracked.sync(record)
    assert tracked.points(run, METRIC) == [(1, -1.0), (2, -2.0)]


@pytest.mark.parametrize("call", ["log_batch", "set_terminated", "create_logged_model", "log_outputs", "create_run"])
def test_a_call_that_fails_is_made_good_by_the_next_attempt(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    record = tracked.record(status=ledger.FINISHED)
    lose(tracked, record, call, monkeypatch)
    run = tracked.sync(record)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/mse"] == 0.25
    assert tracked.points(run, METRIC) == [(1, -1.0), (2, -2.0)]
    assert tracked.client.get_logged_model(run.data.tags[schema.MODEL]).status == "READY"


def test_the_best_replicate_is_named_and_registered(tracked: Tracked) -> None:
    best = tracked.record(seed=1, status=ledger.FINISHED)
    run = tracked.sync(best)
    tracked.tracking.finish(best)
    (study,) = tracked.runs("study")
    assert study.info.status == "FINISHED"
    assert study.data.tags[schema.BEST_RUN] == run.info.run_id
    assert study.data.tags[schema.BEST_MODEL] == run.data.tags[schema.MODEL]
    assert study.data.metrics[f"best/{METRIC}"] == -2.0
    assert tracked.client.get_model_version_by_alias("tiny", "best").run_id == run.info.run_id


def test_finishing_again_registers_no_second_version(tracked: Tracked) -> None:
    best = tracked.record(seed=1, status=ledger.FINISHED)
    tracked.sync(best)
    for _ in range(2):
        tracked.restart()
        tracked.tracking.finish(best)
    assert len(tracked.client.search_model_versions("name = 'tiny'")) == 1


def test_a_study_without_a_finished_replicate_ends_without_a_best(tracked: Tracked) -> None:
    tracked.tracking.finish(None)
    (study,) = tracked.runs("study")
    assert study.info.status == "FINISHED"
    assert schema.BEST_RUN not in study.data.tags


def test_a_deleted_experiment_is_told_so(tracked: Tracked) -> None:
    experiment = tracked.client.get_experiment_by_name("tiny")
    assert experiment is not None
    tracked.client.delete_experiment(experiment.experiment_id)
    with pytest.raises(BadInput, match="the MLflow experiment 'tiny' was deleted: restore it, or use another name"):
        tracked.restart()


def test_a_record_that_cannot_be_read_is_left_for_later(tracked: Tracked) -> None:
    tracked.tracking.sync("unknown")
    assert tracked.runs("trial") == []


def test_mlflow_raises_what_the_mirror_has_to_expect(tracked: Tracked) -> None:
    with pytest.raises(MlflowException):
        tracked.client.log_metric("no such run", "mse", 1.0)


def test_a_run_names_its_arms_also_those_that_join_after_its_end(tracked: Tracked) -> None:
    record = tracked.record(status=ledger.FAILED, ended=START + 9)
    assert tracked.sync(record).data.tags[schema.ARMS] == '["vae"]'
    for arm in ("vae", "twin"):
        tracked.records.join(record.identity, arm)
    assert tracked.sync(record).data.tags[schema.ARMS] == '["vae", "twin"]'


def test_a_finished_trial_has_the_figures_that_were_drawn_of_it(tracked: Tracked) -> None:
    record = tracked.record(seed=1)
    drawn = tracked.records.trial_folder(record.identity) / "figures"
    drawn.mkdir(parents=True)
    (drawn / "tsne.png").write_bytes(b"a picture")
    run = tracked.sync(tracked.write(record, status=ledger.FINISHED))
    assert [file.path for file in tracked.client.list_artifacts(run.info.run_id, "figures")] == ["figures/tsne.png"]


def late(tracked: Tracked, record: Record, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Run]:
    """Give up the creation of a trial's run. Returns what carries it out after all."""
    waiting: list[Callable[[], Run]] = []
    real = MlflowClient.create_run

    def given_up(*arguments: Any) -> None:
        waiting.append(lambda: real(*arguments))
        raise ConnectionError("no answer in time")

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "create_run", given_up)
        with pytest.raises(ConnectionError):
            tracked.tracking.sync(record.identity)
    return waiting[0]


def test_a_creation_that_comes_late_leaves_one_run_when_its_trial_ends(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tracked.record()
    come_late = late(tracked, record, monkeypatch)
    first = tracked.sync(record)
    come_late()
    assert len(tracked.runs("trial")) == 2
    ended = tracked.sync(tracked.write(record, status=ledger.FINISHED))
    assert ended.info.run_id == first.info.run_id
    assert ended.data.metrics["test/mse"] == 0.25


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("complete", [False, True])
def test_a_creation_that_comes_after_its_trial_leaves_one_run_when_the_study_ends(
    tracked: Tracked, monkeypatch: pytest.MonkeyPatch, restarted: bool, complete: bool
) -> None:
    record = tracked.record(seed=1)
    come_late = late(tracked, record, monkeypatch)
    ended = tracked.sync(tracked.write(record, status=ledger.FINISHED))
    come_late()
    if restarted:
        tracked.restart()
    if complete:
        tracked.tracking.finish(record)
    else:
        tracked.tracking.interrupt()
    assert tracked.run(record).to_dictionary() == ended.to_dictionary()


def test_an_empty_second_run_of_the_study_is_not_taken_for_it(tracked: Tracked) -> None:
    (study,) = tracked.runs("study")
    for start in (0, study.info.start_time):
        tracked.client.create_run(study.info.experiment_id, start, study.data.tags)
        tracked.restart()
        assert tracked.tracking.parent == study.info.run_id
