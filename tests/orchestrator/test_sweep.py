"""Sweeps from end to end: each in a process of its own, as a user starts it, with real Ray and real MLflow."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.entities import Run

from methods.core.errors import BadInput
from orchestrator import sweep
from orchestrator.records import ledger, schema
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.location import connect

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(sweep.__file__).parents[1]

# One trial at a time, so that the good learning rate is there before the bad one is compared with it. Eight latent
# dimensions are too few for Lambda-Hot on ten classes: this configuration cannot be built.
TINY = {
    "data": "digits",
    "methods": ["vae", "lambda_hot_vae"],
    "search": "grid",
    "trials": 3,
    "seeds": 2,
    "metric": "valid/elbo",
    "early_stopping": {"grace": 2, "reduction": 2},
    "resources": {"cpu": os.cpu_count()},
    "fixed": {"network": "mlp", "epochs": 6, "batch_size": 200, "scale": 5},
    "space": {"latent": [10, 8], "learning_rate": [1e-3, 1e-6]},
}

# Trials of some seconds, long enough to be met in the middle.
LONG = {
    "data": "digits",
    "methods": ["vae"],
    "trials": 2,
    "seeds": 1,
    "early_stopping": None,
    "fixed": {"network": "mlp", "latent": 4, "epochs": 250, "batch_size": 500},
    "space": {"learning_rate": {"low": 1e-3, "high": 1e-2}},
    "report_every": 10,
}


@dataclass
class Ended:
    """What a user has seen of a sweep when it is over."""

    code: int
    out: str
    err: str
    seconds: float


class Place:
    """A folder with a study, its records and its MLflow."""

    def __init__(self, folder: Path, database: Path, study: dict[str, Any]) -> None:
        self.folder, self.records = folder, Ledger(folder / "results" / "tiny")
        (folder / "tiny.yaml").write_text(yaml.safe_dump(study))
        shutil.copy(database, folder / "mlflow.db")
        self.uri = f"sqlite:///{folder}/mlflow.db"
        self.client = connect(self.uri)

    @contextlib.contextmanager
    def started(self, *more: str) -> Iterator[subprocess.Popen[str]]:
        """A sweep in a terminal's foreground: a group of processes that Ctrl-C reaches as a whole."""
        command = [sys.executable, "-m", "orchestrator.sweep", "tiny.yaml", *more]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def run(self, *more: str) -> Ended:
        with self.started(*more) as process:
            return ended(process)

    def all(self, **wanted: Any) -> list[Record]:
        return [record for record in self.records.records() if wanted.items() <= vars(record).items()]

    def running_since(self, moment: float) -> Record | None:
        """A running trial with a report later than `moment`."""
        reported = (record for record in self.all(status=ledger.RUNNING) if record.history)
        return next((record for record in reported if record.history[-1]["time"] > 1000 * moment), None)

    def runs(self, kind: str) -> list[Run]:
        experiment = self.client.get_experiment_by_name("tiny")
        assert experiment is not None
        found = self.client.search_runs([experiment.experiment_id])
        return [run for run in found if run.data.tags[schema.KIND] == kind]


def ended(process: subprocess.Popen[str]) -> Ended:
    start = time.monotonic()
    out, err = process.communicate(timeout=200)
    return Ended(process.returncode, out, err, time.monotonic() - start)


def until(true: Callable[[], Any], seconds: float = 120.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def alive(process: str) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def expect_clean(text: str) -> None:
    assert "Traceback" not in text
    assert not re.search(r"\bray\b|raylet|Warning|WARNING", text, re.IGNORECASE), text


# --- a sweep that nobody disturbs ---


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> tuple[Place, Ended]:
    place = Place(tmp_path_factory.mktemp("complete"), empty_database, TINY)
    return place, place.run()


def test_a_complete_sweep_ends_well(complete: tuple[Place, Ended]) -> None:
    _, end = complete
    assert end.code == 0, end.err
    assert "tiny: test metrics" in end.out
    assert "python -m orchestrator.compare tiny\n" in end.out


def test_it_says_what_it_does_and_nothing_else(complete: tuple[Place, Ended]) -> None:
    _, end = complete
    expect_clean(end.err)
    expect_clean(end.out)
    first, *_ = end.err.splitlines()
    assert first.startswith("study tiny: 2 methods on digits, 1 trial at once; records in ")
    assert re.search(r"study tiny: 10 of 10 trials, \d+:\d\d so far\n", end.err)


def test_every_trial_is_one_run(complete: tuple[Place, Ended]) -> None:
    place, _ = complete
    runs = place.runs("trial")
    count = Counter((run.data.params["method"], run.data.tags[schema.ROLE]) for run in runs)
    methods = ("vae", "lambda_hot_vae")
    assert count == {(method, role): n for method in methods for role, n in (("search", 3), ("replicate", 2))}
    assert len({run.data.tags[schema.IDENTITY] for run in runs}) == len(runs) == len(place.all())


def test_every_run_ended_as_its_record_says(complete: tuple[Place, Ended]) -> None:
    place, _ = complete
    statuses = {ledger.FINISHED: "FINISHED", ledger.FAILED: "FAILED", ledger.STOPPED: "KILLED"}
    records = {record.identity: record for record in place.all()}
    for run in place.runs("trial"):
        record = records[run.data.tags[schema.IDENTITY]]
        assert (run.info.status, run.data.tags[schema.OUTCOME]) == (statuses[record.status], record.outcome)


def test_a_configuration_that_fails_fails_alone(complete: tuple[Place, Ended]) -> None:
    place, end = complete
    (failed,) = place.all(status=ledger.FAILED)
    assert failed.message == "lambda_hot_vae needs latent >= the number of classes (10), got 8"
    assert f"failed: lambda_hot_vae {failed.identity}: {failed.message}\n" in end.err


def test_a_bad_configuration_is_stopped_early(complete: tuple[Place, Ended]) -> None:
    place, _ = complete
    slow = [record for record in place.all() if record.settings["learning_rate"] == 1e-6]
    assert [record.outcome for record in slow] == ["stopped early after epoch 2"] * 2


def test_the_study_names_its_best_replicate(complete: tuple[Place, Ended]) -> None:
    place, _ = complete
    (study,) = place.runs("study")
    values = {record.identity: record.value("valid/elbo") for record in place.all(role="replicate")}
    best = place.client.get_run(study.data.tags[schema.BEST_RUN])
    assert study.info.status == "FINISHED"
    assert best.data.tags[schema.IDENTITY] == max(values, key=values.__getitem__)
    assert study.data.tags[schema.BEST_MODEL] == best.data.tags[schema.MODEL]


def test_starting_it_again_runs_nothing(
    complete: tuple[Place, Ended], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place, _ = complete
    monkeypatch.chdir(place.folder)
    before = [json.dumps(vars(record)) for record in place.all()]
    assert sweep.main(["tiny.yaml"]) == 0
    assert "at once" not in capsys.readouterr().err
    assert [json.dumps(vars(record)) for record in place.all()] == before
    assert len(place.runs("trial")) == len(before)
    assert {run.info.status for run in place.runs("study")} == {"FINISHED"}


def test_another_definition_under_the_same_name_is_refused(
    complete: tuple[Place, Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = complete
    monkeypatch.chdir(place.folder)
    with pytest.raises(BadInput, match="the study 'tiny' was already run with another definition"):
        sweep.main(["tiny.yaml", "--set", "fixed.epochs=4"])


# --- a sweep to which everything happens: a trial killed, Ctrl-C, the sweep itself killed ---


@dataclass
class Story:
    """What was seen on the way of one study to its end."""

    place: Place
    victim: Record
    revived: Record
    interrupted: Ended
    after_interrupt: list[Run]
    gone: dict[str, bool]
    after_kill: list[Run]
    end: Ended


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Story:
    place = Place(tmp_path_factory.mktemp("long"), empty_database, LONG)
    with place.started() as process:
        victim = until(lambda: place.running_since(0))
        os.kill(int(victim.facts["process"]), signal.SIGKILL)
        until(lambda: (place.records.read(victim.identity) or victim).facts["process"] != victim.facts["process"])
        until(lambda: len((place.records.read(victim.identity) or victim).history) > len(victim.history))
        revived = place.records.read(victim.identity)
        os.killpg(process.pid, signal.SIGINT)
        interrupted = ended(process)
    after_interrupt = place.runs("trial") + place.runs("study")
    now = time.time()
    with place.started() as process:
        until(lambda: place.running_since(now))
        workers = [record.facts["process"] for record in place.all(status=ledger.RUNNING)]
        process.kill()
        process.wait()
        with contextlib.suppress(AssertionError):
            until(lambda: not any(map(alive, workers)), 15)
        gone = {worker: not alive(worker) for worker in workers}
        with contextlib.suppress(AssertionError):
            until(lambda: all(run.info.status != "RUNNING" for run in place.runs("trial") + place.runs("study")), 60)
        after_kill = place.runs("trial") + place.runs("study")
    return Story(place, victim, revived, interrupted, after_interrupt, gone, after_kill, place.run())


def test_a_trial_whose_process_is_killed_goes_on_in_another_one(story: Story) -> None:
    assert story.revived.facts["process"] != story.victim.facts["process"]
    assert story.revived.history[: len(story.victim.history)] == story.victim.history
    assert f"vae {story.victim.identity} broke off and goes on in another process: " in story.interrupted.err


def test_ctrl_c_stops_soon_and_says_how_to_go_on(story: Story) -> None:
    end = story.interrupted
    assert end.code == 130
    assert end.seconds < 60
    assert end.err.splitlines()[-1] == "stopped; nothing is lost: the same command continues where it was"
    assert end.out == ""
    expect_clean(end.err)


def test_ctrl_c_leaves_no_run_running(story: Story) -> None:
    outcomes = {run.data.tags.get(schema.OUTCOME) for run in story.after_interrupt if run.info.status == "KILLED"}
    assert outcomes == {None, schema.INTERRUPTED}  # of the study, of trials
    assert {run.info.status for run in story.after_interrupt} <= {"KILLED", "FINISHED"}


def test_processes_of_trials_end_with_the_sweep(story: Story) -> None:
    assert story.gone
    assert all(story.gone.values())


def test_a_killed_sweep_leaves_no_run_running(story: Story) -> None:
    assert {run.info.status for run in story.after_kill} <= {"KILLED", "FINISHED"}


def test_after_all_that_every_trial_ran_to_its_end_once(story: Story) -> None:
    assert story.end.code == 0, story.end.err
    assert Counter(record.role for record in story.place.all()) == {"search": 2, "replicate": 1}
    for record in story.place.all():
        assert record.status == ledger.FINISHED
        assert [entry["epoch"] for entry in record.history] == list(range(10, 251, 10))
    assert story.victim.identity in {record.identity for record in story.place.all()}


def test_after_all_that_mlflow_has_every_trial_once(story: Story) -> None:
    runs = story.place.runs("trial")
    assert {run.data.tags[schema.IDENTITY] for run in runs} == {record.identity for record in story.place.all()}
    assert len(runs) == 3
    assert {run.info.status for run in runs + story.place.runs("study")} == {"FINISHED"}
    for run in runs:
        points = story.place.client.get_metric_history(run.info.run_id, "valid/elbo")
        assert [point.step for point in points] == list(range(10, 251, 10))


# --- sweeps that cannot start ---


def test_a_tracking_server_that_does_not_answer_is_told_in_one_sentence(tmp_path: Path, empty_database: Path) -> None:
    end = Place(tmp_path, empty_database, TINY).run("--tracking-uri", "http://127.0.0.1:9")
    assert end.code == 2
    assert re.fullmatch(
        r"error: the tracking server http://127\.0\.0\.1:9 does not answer \(.*\): start it.*\n", end.err
    )
    assert not (tmp_path / "results").exists()


def test_a_results_folder_that_cannot_be_written_is_told(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Place(tmp_path, empty_database, TINY)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"cannot write to .*tiny\.yaml/tiny: .*; choose another folder with --results"):
        sweep.main(["tiny.yaml", "--results", "tiny.yaml"])


def test_a_metric_that_a_method_does_not_have_is_told_before_anything_is_written(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, empty_database, TINY)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="vae on digits has no metric 'valid/purity': choose one"):
        sweep.main(["tiny.yaml", "--set", "metric=valid/purity"])
    assert not (tmp_path / "results").exists()
    assert place.client.get_experiment_by_name("tiny") is None


def test_a_cluster_too_small_leaves_no_run_running(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path, empty_database, TINY)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="a trial needs 1000 CPU and 0 GPU, but Ray has "):
        sweep.main(["tiny.yaml", "--set", "resources.cpu=1000"])
    assert {run.info.status for run in place.runs("study")} == {"KILLED"}


def test_as_a_plain_script_from_anywhere_it_shows_its_plan(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    command = [sys.executable, str(ROOT / "orchestrator" / "sweep.py"), "tiny.yaml", "--dry-run"]
    end = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=os.environ | {"COLUMNS": "200"})
    assert end.returncode == 0, end.stderr
    assert "learning_rate: 0.001 | 1e-06" in end.stdout
    assert re.search(r"10 trials of \d+ CPU and 0 GPU, 1 at a time: at most about \d+ (s|min) ", end.stdout)
    assert not list(tmp_path.glob("results*")) + list(tmp_path.glob("mlflow*"))
    expect_clean(end.stderr)
