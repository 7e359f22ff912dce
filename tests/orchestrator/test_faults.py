"""What can go wrong with a sweep, done to it for real; afterwards everything is as if nothing had happened.

Takes minutes, so it is left out unless asked for: `make test-faults`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from orchestrator import reconcile, services
from orchestrator.records import ledger, schema
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.location import connect
from pipelines import artifact

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif("LATENT_ORCHESTRA_FAULTS" not in os.environ, reason="takes minutes: make test-faults"),
]

TRIALS, SEEDS, EPOCHS, EVERY = 3, 2, 60, 5
STUDY = {
    "data": "digits",
    "methods": ["vae"],
    "trials": TRIALS,
    "seeds": SEEDS,
    "search": "random",
    "early_stopping": None,
    "fixed": {"network": "mlp", "latent": 4, "epochs": EPOCHS, "batch_size": 200},
    "space": {"learning_rate": {"low": 1e-3, "high": 1e-2}},
    "report_every": EVERY,
}


class Place:
    """A folder with a study, its records and its MLflow."""

    def __init__(self, folder: Path, database: Path, **changes: Any) -> None:
        self.folder, self.records = folder, Ledger(folder / "results" / "tiny")
        (folder / "tiny.yaml").write_text(yaml.safe_dump(STUDY | changes))
        shutil.copy(database, folder / "mlflow.db")
        self.uri = f"sqlite:///{folder}/mlflow.db"

    @property
    def client(self) -> MlflowClient:
        return connect(self.uri)

    @contextlib.contextmanager
    def started(self, *more: str, before: str = "", **environment: str) -> Iterator[subprocess.Popen[str]]:
        """A sweep as in a terminal's foreground; `before` is shell that runs before it in the same process."""
        sweep = (
            f"{before} exec {sys.executable} -m orchestrator.sweep tiny.yaml --tracking-uri {self.uri} {' '.join(more)}"
        )
        process = subprocess.Popen(
            ["bash", "-c", sweep],
            cwd=self.folder,
            env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
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
            process.wait()  # not for what it said: the mirror of a sweep that was killed goes on for a while

    def run(self, *more: str, **environment: str) -> tuple[int, str]:
        """Run the sweep to its end. Returns its exit code and what it said."""
        with self.started(*more, **environment) as process:
            _, said = process.communicate(timeout=400)
            return process.returncode, said

    def all(self, status: str | None = None) -> list[Record]:
        return [record for record in self.records.records() if status in (None, record.status)]

    def reports(self) -> int:
        return sum(len(record.history) for record in self.all())

    def runs(self, kind: str) -> list[Run]:
        client = self.client
        experiment = client.get_experiment_by_name("tiny")
        found = client.search_runs([experiment.experiment_id]) if experiment else []
        return [run for run in found if run.data.tags[schema.KIND] == kind]


def until(true: Callable[[], Any], seconds: float = 600.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


@pytest.fixture
def place(tmp_path: Path, empty_database: Path) -> Place:
    return Place(tmp_path, empty_database)


def expect_whole(place: Place) -> None:
    """The planned trials, each once, with all metrics in MLflow; the best model can be loaded; nothing is RUNNING."""
    records = place.all()
    assert Counter(record.role for record in records) == {"search": TRIALS, "replicate": SEEDS}
    epochs = list(range(EVERY, EPOCHS + 1, EVERY))
    for record in records:
        assert record.status == ledger.FINISHED, record
        assert [entry["epoch"] for entry in record.history] == epochs
    runs = {run.data.tags[schema.IDENTITY]: run for run in place.runs("trial")}
    assert sorted(runs) == sorted(record.identity for record in records)
    assert len(place.runs("trial")) == TRIALS + SEEDS
    (study,) = place.runs("study")
    assert {run.info.status for run in (*runs.values(), study)} == {"FINISHED"}
    for record in records:
        run = runs[record.identity]
        points = place.client.get_metric_history(run.info.run_id, "valid/elbo")
        assert [(point.step, point.value) for point in points] == [
            (entry["epoch"], entry["valid/elbo"]) for entry in record.history
        ]
        assert {f"test/{name}" for name in record.test} <= set(run.data.metrics)
        assert schema.MODEL in run.data.tags
    best = place.client.get_run(study.data.tags[schema.BEST_RUN]).data.tags[schema.IDENTITY]
    trained = place.records.trained(best)
    assert trained is not None
    assert artifact.load(trained).trial.identity == best
    assert reconcile.reconcile(place.records, place.uri).mended == []


def expect_end(place: Place, *more: str, **environment: str) -> None:
    """The same command ends the study, and all is whole."""
    code, said = place.run(*more, **environment)
    assert code == 0, said
    assert "Traceback" not in said
    expect_whole(place)


# --- a trial ---


def test_a_trial_killed_at_random_moments(place: Place) -> None:
    moments = random.Random(0)
    with place.started() as process:
        for _ in range(2):
            seen = place.reports()
            until(lambda seen=seen: place.reports() > seen)
            time.sleep(moments.uniform(0, 0.5))
            victims = [int(record.facts["process"]) for record in place.all(ledger.RUNNING)]
            with contextlib.suppress(ProcessLookupError, IndexError):
                os.kill(moments.choice(victims), signal.SIGKILL)
        _, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    expect_whole(place)


# --- the driver ---


def test_the_driver_killed_before_the_first_record_and_at_random_moments(place: Place) -> None:
    moments = random.Random(1)
    with place.started() as process:
        until(lambda: (place.records.folder / "study.json").exists())
        process.kill()
    assert place.all() == []
    for _ in range(3):
        begun = place.reports()
        with place.started() as process:
            if len(place.all(ledger.FINISHED)) < TRIALS + SEEDS:
                until(lambda begun=begun, process=process: place.reports() > begun or process.poll() is not None)
                time.sleep(moments.uniform(0, 1.5))
            process.kill()
    expect_end(place)


def test_ctrl_c(place: Place) -> None:
    with place.started() as process:
        until(lambda: place.reports() > 2)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "stopped; nothing is lost: the same command continues where it was"
    # At once, or on a busy machine a little later.
    until(lambda: "RUNNING" not in {run.info.status for run in place.runs("trial") + place.runs("study")}, 90)
    expect_end(place)


def test_two_drivers_on_one_study(place: Place) -> None:
    with place.started() as process:
        until(lambda: place.reports() > 0)
        code, said = place.run()
        assert (code, said.count("\n")) == (2, 1), said
        assert "another sweep is running this study" in said
        _, said = process.communicate(timeout=400)
    assert process.returncode == 0, said
    expect_whole(place)


# --- MLflow ---


@contextlib.contextmanager
def server(place: Place, port: int) -> Iterator[None]:
    """MLflow's own server over the place's database, killed at the end as a crash would."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{place.folder}/mlflow.db"]
    artifacts = ["--artifacts-destination", str(place.folder / "artifacts")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    process = subprocess.Popen([*command, *stores, *artifacts], env=environment, **quiet)
    try:
        until(lambda: answers(port))
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def test_mlflow_killed_for_a_while_and_back(place: Place) -> None:
    port = services.free_port()
    place.uri = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as sweep:
        with server(place, port):
            process = sweep.enter_context(place.started())
            until(lambda: place.reports() > 2)
        before = place.reports()
        until(lambda: place.reports() > before + 2)  # trials do not wait for it
        time.sleep(float(os.environ.get("LATENT_ORCHESTRA_AWAY", "20")))
        with server(place, port):
            _, said = process.communicate(timeout=400)
            assert process.returncode in (0, 1), said  # 1: it was away too long, and the end was not written
            if process.returncode == 1:
                assert "They are safe in" in said
            expect_end(place)


# --- the disk ---


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    disk = tmp_path / "results"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_disk_that_is_full(place: Place, small_disk: Path) -> None:
    filler = small_disk / "filler"
    with place.started() as process:
        until(lambda: place.reports() > 2)
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        _, said = process.communicate(timeout=200)
    assert process.returncode == 2, said
    assert "then the same command continues" in said
    assert "Traceback" not in said
    assert place.all(ledger.FAILED) == []
    filler.unlink()
    expect_end(place)


# --- a machine ---

CLUSTER = """
import json, sys
from ray.cluster_utils import Cluster

fast = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
head = {"num_cpus": 0, "include_dashboard": False, "_system_config": fast}
cluster = Cluster(initialize_head=True, head_node_args=head)
node = cluster.add_node(num_cpus=1)
print(cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(node, allow_graceful=False)
    node = cluster.add_node(num_cpus=1)
    print("replaced", flush=True)
cluster.shutdown()
"""


@contextlib.contextmanager
def cluster_of_two() -> Iterator[subprocess.Popen[str]]:
    """A head without CPUs and a worker; a line on its standard input kills the worker and starts another."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def test_a_whole_machine_lost_and_replaced(place: Place) -> None:
    with cluster_of_two() as machines:
        assert machines.stdin is not None
        assert machines.stdout is not None
        address = until(machines.stdout.readline).strip()
        with place.started("--address", address) as process:
            until(lambda: place.reports() > 2)
            lost = {record.facts["process"] for record in place.all(ledger.RUNNING)}
            machines.stdin.write("\n")
            machines.stdin.flush()
            assert until(machines.stdout.readline).strip() == "replaced"
            _, said = process.communicate(timeout=400)
        assert process.returncode == 0, said
    assert lost
    expect_whole(place)


# --- more of the same study ---


def test_a_finished_study_is_extended_without_training_again(place: Place) -> None:
    assert place.run("--set", "trials=2", "seeds=1")[0] == 0
    before = {record.identity: vars(record) for record in place.all()}
    code, said = place.run()
    assert code == 0, said
    after = {record.identity: vars(record) for record in place.all()}
    assert {identity: after[identity] for identity in before} == before
    best = max((record for record in place.all() if record.role == "search"), key=lambda one: one.value("valid/elbo"))
    replicates = [record for record in place.all() if record.role == "replicate"]
    assert sum(record.configuration == best.configuration for record in replicates) == SEEDS
    assert len(after) - len(replicates) == TRIALS
    assert Counter(run.data.tags[schema.IDENTITY] for run in place.runs("trial")) == dict.fromkeys(after, 1)
    (study,) = place.runs("study")
    assert (study.info.status, json.loads(study.data.tags[schema.EXTENDED])) == (
        "FINISHED",
        {"trials": "3", "seeds": "2"},
    )
    assert reconcile.reconcile(place.records, place.uri).mended == []


def test_a_second_study_takes_over_what_the_first_has_trained(place: Place) -> None:
    expect_end(place)
    code, said = place.run("--name", "second")
    assert code == 0, said
    second = Ledger(place.records.folder.parent / "second")
    codes = [{record.facts["code"] for record in records.records()} for records in (place.records, second)]
    assert codes[0] == codes[1], "the sources were edited while this test ran"
    assert {record.origin for record in second.records()} == {"tiny"}
    assert {record.identity for record in second.records()} == {record.identity for record in place.all()}
    place.records = second
    client = place.client
    experiment = client.get_experiment_by_name("second")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], f"tags.`{schema.KIND}` = 'trial'")
    assert len(runs) == TRIALS + SEEDS
    assert all(run.info.status == "FINISHED" and schema.MODEL in run.data.tags for run in runs)
