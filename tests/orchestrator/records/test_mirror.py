"""MLflow follows the records, also where it is away for a while."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow.server
import mlflow.server.handlers
import pytest
import uvicorn
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from orchestrator import services
from orchestrator.definition.study import Study
from orchestrator.records import ledger, mirror, schema
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.location import connect
from orchestrator.records.mirror import Mirror
from orchestrator.records.tracking import StudyTracking

STUDY = Study(data="digits", methods=["vae"], fixed={"network": "mlp", "latent": 2, "epochs": 4})
START = 1_700_000_000_000


class Server:
    """MLflow's own server on loopback."""

    def __init__(self) -> None:
        self.port = services.free_port()
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config("mlflow.server.fastapi_app:app", port=self.port, log_level="critical")
        self.uvicorn = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.uvicorn.run)
        self.thread.start()
        until(lambda: self.uvicorn.started)

    def stop(self) -> None:
        self.uvicorn.should_exit = self.uvicorn.force_exit = True
        self.thread.join()


@pytest.fixture
def server(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv(mlflow.server.BACKEND_STORE_URI_ENV_VAR, uri)
    monkeypatch.setenv(mlflow.server.ARTIFACT_ROOT_ENV_VAR, "mlflow-artifacts:/")
    monkeypatch.setenv(mlflow.server.ARTIFACTS_DESTINATION_ENV_VAR, str(tmp_path / "artifacts"))
    monkeypatch.setenv(mlflow.server.SERVE_ARTIFACTS_ENV_VAR, "true")
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    # A process serves the store it served first, here an earlier test's.
    for store in ("_tracking_store", "_model_registry_store", "_artifact_repo"):
        monkeypatch.setattr(mlflow.server.handlers, store, None)
    started = Server()
    started.start()
    yield started
    started.stop()


@pytest.fixture
def records(tmp_path: Path) -> Ledger:
    found = Ledger(tmp_path / "tiny")
    found.adopt(STUDY)
    return found


def write(records: Ledger, seed: int = 0, epochs: int = 1, **more: Any) -> Record:
    trial = STUDY.trial("vae", {}, seed=seed)
    history = [{"epoch": epoch, "time": START, "valid/elbo": -1.0} for epoch in range(1, epochs + 1)]
    record = Record(trial.identity, trial.configuration, trial.settings(), "search", START, history=history, **more)
    records.write(record)
    return record


def until(true: Callable[[], Any], seconds: float = 240.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return found


def epochs(client: MlflowClient, identity: str) -> list[int]:
    """Which epochs of a trial MLflow knows; its run is the only one."""
    experiment = client.get_experiment_by_name("tiny")
    runs = (
        client.search_runs([experiment.experiment_id], f"tags.`{schema.IDENTITY}` = '{identity}'") if experiment else []
    )
    if not runs:
        return []
    (run,) = runs
    return [point.step for point in client.get_metric_history(run.info.run_id, "valid/elbo")]


def test_what_changed_while_the_server_was_away_is_written_once_it_is_back(server: Server, records: Ledger) -> None:
    client, record = connect(server.uri), write(records)
    followed = Mirror(records.folder, server.uri)
    followed.changed(record.identity)
    until(lambda: epochs(client, record.identity) == [1])
    server.stop()
    for seed in (0, 1):
        followed.changed(write(records, seed, epochs=2).identity)
    time.sleep(1.0)
    server.start()
    assert followed.close() == []
    assert epochs(client, record.identity) == [1, 2]
    assert epochs(client, write(records, 1).identity) == [1, 2]


def test_a_server_has_all_of_a_trial_that_has_ended(server: Server, records: Ledger) -> None:
    record = write(records, epochs=2, status=ledger.FAILED, message="too bad", ended=START + 9)
    followed = Mirror(records.folder, server.uri)
    followed.changed(record.identity)
    assert followed.close() == []
    assert epochs(connect(server.uri), record.identity) == [1, 2]


def test_what_could_not_be_written_is_told_at_the_end(records: Ledger) -> None:
    followed = Mirror(records.folder, "http://127.0.0.1:9")
    one, other = write(records, 0).identity, write(records, 1).identity
    followed.changed(one)
    followed.changed(other)
    assert sorted(followed.close(timeout=0.5)) == sorted([one, other])


def test_a_mirror_that_died_does_not_disturb_the_sweep(records: Ledger, uri: str) -> None:
    followed = Mirror(records.folder, uri)
    os.kill(followed._process.pid, signal.SIGKILL)
    followed._process.wait()
    identity = write(records).identity
    for _ in range(3):
        followed.changed(identity)
    assert followed.close() == [identity]


def test_a_mirror_that_is_late_goes_on_alone_and_leaves_no_run_running(
    records: Ledger, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "_GRACE_SECONDS", 0.2)
    followed, record, client = Mirror(records.folder, uri), write(records), connect(uri)
    os.kill(followed._process.pid, signal.SIGSTOP)
    followed.changed(write(records, epochs=2).identity)
    assert followed.close(timeout=0.1) == [record.identity]
    os.kill(followed._process.pid, signal.SIGCONT)
    assert followed._process.wait(timeout=60) == 0
    assert epochs(client, record.identity) == [1, 2]
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    assert {run.info.status for run in client.search_runs([experiment.experiment_id])} == {"KILLED"}


def test_when_the_sweep_is_killed_no_run_stays_running(records: Ledger, uri: str) -> None:
    followed = Mirror(records.folder, uri)
    record = write(records)
    followed.changed(record.identity)
    assert followed._process.stdin is not None
    followed._process.stdin.close()  # as the system does for a process that is gone
    followed._process.wait()
    client = connect(uri)
    experiment = client.get_experiment_by_name("tiny")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.data.tags[schema.KIND]: run.info.status for run in runs} == {"study": "KILLED", "trial": "KILLED"}
    assert epochs(client, record.identity) == [1]


class Scripted:
    """Runs the writer in this process, on changes that are known beforehand."""

    def __init__(self, records: Ledger, uri: str, lines: list[str]) -> None:
        self.changes = mirror._Changes()
        self.writer = mirror._Writer(records.folder, uri, self.changes)
        threading.Thread(target=self.changes.listen, args=[lines]).start()

    def run(self) -> list[str]:
        self.writer.run()
        return self.changes.left


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "_RETRY_SECONDS", (0.01, 0.04))


@contextlib.contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, times: int) -> Iterator[list[str]]:
    """Let the first so many writes fail. Yields the identities of all attempts."""
    real, attempts = StudyTracking.sync, list[str]()

    def sync(self: StudyTracking, identity: str) -> None:
        attempts.append(identity)
        if len(attempts) <= times:
            raise ConnectionError("no route to MLflow")
        real(self, identity)

    monkeypatch.setattr(StudyTracking, "sync", sync)
    yield attempts


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("times", [1, 7])
def test_writing_is_tried_until_it_succeeds(
    records: Ledger, uri: str, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    one, other = write(records, 0), write(records, 1, status=ledger.STOPPED)
    with failing(monkeypatch, times) as attempts:
        assert Scripted(records, uri, [f"{one.identity}\n", f"{other.identity}\n", "close 60\n"]).run() == []
    assert attempts == [one.identity] * (times + 1) + [other.identity]
    client = connect(uri)
    assert epochs(client, one.identity) == epochs(client, other.identity) == [1]


@pytest.mark.usefixtures("impatient")
def test_an_outage_is_told_a_few_times_and_so_is_its_end(
    records: Ledger, uri: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "orchestrator"), failing(monkeypatch, 20):
        Scripted(records, uri, [f"{write(records).identity}\n", "close 60\n"]).run()
    messages = [entry.getMessage() for entry in caplog.records if entry.name == mirror.__name__]
    assert [message.partition(",")[0] for message in messages] == [
        *["MLflow cannot be written (no route to MLflow)"] * 3,
        "MLflow can be written again",
    ]


@pytest.mark.usefixtures("impatient")
def test_an_outage_longer_than_the_time_that_is_left_gives_up(
    records: Ledger, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = write(records).identity
    with failing(monkeypatch, 10**9):
        assert Scripted(records, uri, [f"{identity}\n", "close 0.2\n"]).run() == [identity]


def test_changes_of_one_trial_are_written_together(records: Ledger, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = write(records, epochs=3).identity
    with failing(monkeypatch, 0) as attempts:
        Scripted(records, uri, [f"{identity}\n"] * 50 + ["close 60\n"]).run()
    assert attempts == [identity]
    assert epochs(connect(uri), identity) == [1, 2, 3]


def test_changes_during_an_outage_do_not_shorten_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    changes = mirror._Changes()
    lines = (f"{number}\n" for number in range(100) if time.sleep(0.01) is None)
    threading.Thread(target=changes.listen, args=[lines]).start()
    start = time.monotonic()
    assert changes.put_back(["a"], 0.5)
    assert time.monotonic() - start >= 0.5


@pytest.mark.parametrize("lines", [["a\n", "close 5\n"], ["a\n"]], ids=["the sweep ends", "the sweep is gone"])
def test_once_no_trial_runs_it_need_not_give_way_any_more(lines: list[str]) -> None:
    told: list[str] = []

    def stream() -> Iterator[str]:
        for line in lines:
            told.append(line)
            yield line

    changes = mirror._Changes(lambda seconds: told.append("hurry"))
    changes.listen(stream())
    assert told.index("hurry") == len(lines)


def test_the_reports_of_a_running_trial_are_gathered(
    records: Ledger, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "_PAUSE_SECONDS", 0.01)
    record, written = write(records), list[int]()

    def lines() -> Iterator[str]:
        for epoch in range(1, 9):
            status = ledger.RUNNING if epoch < 8 else ledger.FAILED
            write(records, epochs=epoch, status=status)
            yield f"{record.identity}\n"
            until(lambda: epochs(connect(uri), record.identity))
            time.sleep(0.05)
            written.append(len(epochs(connect(uri), record.identity)))
        until(lambda: len(epochs(connect(uri), record.identity)) == 8)
        yield "close 60\n"

    with failing(monkeypatch, 0) as attempts:
        changes = mirror._Changes()
        threading.Thread(target=changes.listen, args=[lines()]).start()
        mirror._Writer(records.folder, uri, changes).run()
    assert written[:-1] == [1] * 7
    assert 2 <= len(attempts) <= 3  # the end may be seen on disk before it is told of, and is then written twice


def test_what_was_gathered_is_written_after_a_while(records: Ledger, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(mirror, "_TOGETHER_SECONDS", 0.2)
    identity = write(records).identity

    def lines() -> Iterator[str]:
        yield f"{identity}\n"
        until(lambda: epochs(connect(uri), identity) == [1])
        write(records, epochs=2)
        yield f"{identity}\n"
        until(lambda: epochs(connect(uri), identity) == [1, 2])
        yield "close 60\n"

    changes = mirror._Changes()
    threading.Thread(target=changes.listen, args=[lines()]).start()
    mirror._Writer(records.folder, uri, changes).run()
    assert changes.left == []


class Deaf(socketserver.StreamRequestHandler):
    """Takes a request and hangs up."""

    taken = 0

    def handle(self) -> None:
        type(self).taken += bool(self.rfile.readline())


def test_a_creation_without_an_answer_is_not_sent_again_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"):
        monkeypatch.setenv(name, "2")
    mirror._call_once()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "120"
    with socketserver.TCPServer(("127.0.0.1", 0), Deaf) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(MlflowException):
            MlflowClient(f"http://127.0.0.1:{server.server_address[1]}").create_run("0")
        server.shutdown()
    assert Deaf.taken == 1


def test_its_priority_is_the_lowest_and_then_the_usual_one_again(tmp_path: Path) -> None:
    script = (
        "import os; from pathlib import Path; from orchestrator.records import mirror\n"
        "def now(): return os.getpriority(os.PRIO_PROCESS, 0), Path('/proc/self/autogroup').read_text().split()[-1]\n"
        "usual = now()\n"
        "mirror._lowest_priority(); low = now(); mirror._priority_again(usual[0]); print(usual, low, now())"
    )
    if not Path("/proc/self/autogroup").exists():
        pytest.skip("Linux alone shares processors among sessions")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, start_new_session=True
    )
    usual, low, again = re.findall(r"\((-?\d+), '(-?\d+)'\)", done.stdout)
    assert low == ("19", "19")
    assert again[1] == usual[1] == "0"
    assert again[0] == (usual[0] if os.geteuid() == 0 else "19")
