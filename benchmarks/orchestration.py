"""What the orchestration costs, beside plain Ray Tune with its stock MLflow callback.

python -m benchmarks.orchestration overhead --trials 1000
python -m benchmarks.orchestration calls calls_of_long_trials
python -m benchmarks.orchestration slots
python -m benchmarks.orchestration workers

Trials sleep, so that the figures are about what happens around them. Each runs in processes and folders of its own, on
simulated nodes where it needs some (`ray.cluster_utils.Cluster`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import ray
import requests
from filelock import FileLock
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.cluster_utils import Cluster

from benchmarks.quiet import silenced
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger
from orchestrator.records.location import connect
from orchestrator.records.schema import SEARCH
from orchestrator.records.tracking import StudyTracking
from orchestrator.running import cluster, session
from orchestrator.running.session import Session
from orchestrator.running.stop import Stop
from orchestrator.running.trainable import StudyTrial
from orchestrator.services import free_port, mlflow_server
from pipelines import datasets

REPORTS = 4  # of a trial
_EPOCHS = 50  # of a long trial, of a second each
_MIRROR_SECONDS = 180.0
_LONG = 12  # how many times a slow method's trials take a fast one's


class SleepingTrial(StudyTrial):
    """A trial that sleeps where others train, and reports as they do."""

    def _prepare(self) -> Any:
        # The learning rate is a setting that every method has: here it says the seconds of an epoch.
        self._training = Sleep(self._trial.epochs, self._trial.learning_rate)
        return self._training

    def _train(self, training: Any) -> dict[str, Any]:
        training.epoch()
        now = time.time_ns() // 1_000_000
        terms = {f"train/term{number}": float(number) for number in range(5)}
        return {"epoch": training.epochs_done, "time": now, "valid/elbo": -1.0, **terms}

    def _finish(self, training: Any) -> dict[str, float]:
        self._record.test = {"elbo": -1.0}
        return {}

    def _keep(self, training: Any, entry: dict[str, Any]) -> None:
        self._record.history.append(entry)
        if training.done:
            self._record.status, self._record.ended = ledger.FINISHED, time.time_ns() // 1_000_000
        self._ledger.write(self._record)


@dataclass
class Sleep:
    """What stands for a training.

    Attributes:
        epochs: to sleep through.
        seconds: of an epoch.
        epochs_done: so far.
    """

    epochs: int
    seconds: float
    epochs_done: int = 0

    @property
    def done(self) -> bool:
        return self.epochs_done >= self.epochs

    def epoch(self) -> None:
        time.sleep(self.seconds)
        self.epochs_done += 1


@dataclass(frozen=True, order=True)
class Slept:
    """A trial that is over.

    Attributes:
        ended, started: in seconds.
        process: that ran it.
    """

    ended: float
    started: float
    process: str


def study(trials: int, seconds: list[float], methods: list[str], reports: int = REPORTS) -> Study:
    """A study of sleeping trials; with several `seconds`, each method's trials take one of them in turn."""
    arms = [
        {"name": f"{method} {place}", "method": method, "learning_rate": seconds[place % len(seconds)] / reports}
        for place, method in enumerate(methods)
    ]
    return Study(
        data="digits",
        methods=arms,
        trials=trials,
        seeds=1,
        search="random",
        early_stopping=None,
        fixed={"network": "mlp", "epochs": reports},
        space={"weight_decay": {"low": 1e-6, "high": 1e-2, "log": True}},
        report_every=1,
    )


def run(folder: Path, one: Study, uri: str, address: str) -> Ledger:
    """Run a study of sleeping trials. Returns its records."""
    records = Ledger(folder / "measured")
    session.StudyTrial = SleepingTrial  # type: ignore[misc]
    StudyTracking(connect(uri), "measured", one, records.adopt(one), records)
    data = {name: datasets.load(name) for name in one.loaded.values()}
    with silenced(), Stop() as stop:
        complete, unwritten = Session(one, data, records, uri).run(address, stop)
    assert complete, "the study did not come to its end"
    assert all(record.status == ledger.FINISHED for record in records.records()), "a trial failed"
    if unwritten:  # the machine is busy: the mirror goes on alone
        FileLock(records.folder / ".mirror.lock").acquire(timeout=_MIRROR_SECONDS).lock.release()
    return records


def slept(records: Ledger, role: str | None = None) -> list[Slept]:
    """The trials of a study, or those of one role."""
    return sorted(
        Slept(record.ended / 1000, record.started / 1000, record.facts["process"])
        for record in records.records()
        if role in (None, record.role)
    )


def sleeping(config: dict[str, Any]) -> None:
    """The same trial for plain Ray Tune."""
    started, reports = time.time(), config["reports"]
    for epoch in range(reports):
        time.sleep(config["seconds"] / reports)
        terms = {f"train/term{number}": float(number) for number in range(5)}
        tune.report({"epoch": epoch + 1, "valid/elbo": -1.0, "started": started, "ended": time.time(), **terms})


def plain(folder: Path, trials: int, seconds: float, uri: str, reports: int = REPORTS) -> list[Slept]:
    """The same trials in plain Ray Tune, with its own MLflow callback and processes that are reused."""
    callback = MLflowLoggerCallback(tracking_uri=uri, experiment_name="plain", save_artifact=False)
    found = tune.Tuner(
        tune.with_resources(sleeping, {"cpu": 1}),
        param_space={"seconds": seconds, "reports": reports, "weight_decay": tune.loguniform(1e-6, 1e-2)},
        tune_config=tune.TuneConfig(num_samples=trials, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(folder), callbacks=[callback], verbose=0),
    ).fit()
    ended = [result.metrics for result in found]
    return sorted(Slept(one["ended"], one["started"], str(one["pid"])) for one in ended)


@contextlib.contextmanager
def simulated(cpus: list[int]) -> Iterator[str]:
    """The address of a cluster of nodes that claim so many CPUs; the head is the first of them."""
    head = {"num_cpus": cpus[0], "include_dashboard": False}
    found = Cluster(initialize_head=True, head_node_args=head)
    try:
        for count in cpus[1:]:
            found.add_node(num_cpus=count)
        yield found.address
    finally:
        found.shutdown()


def overhead(trials: int, seconds: float = 0.1, slots: int = 8) -> dict[str, float]:
    """Wall-clock seconds a trial beyond what it sleeps, on `slots` slots: once all processes run, and in all."""
    with tempfile.TemporaryDirectory() as folder, simulated([slots]) as address:
        records = run(Path(folder), study(trials, [seconds], ["vae"]), f"sqlite:///{folder}/mlflow.db", address)
        ours = slept(records, SEARCH)
    few = max(4 * slots, trials // 10)  # it is slow
    with tempfile.TemporaryDirectory() as folder, simulated([slots]) as address, cluster.started(address):
        stock = plain(Path(folder), few, seconds, f"sqlite:///{folder}/mlflow.db")
    theirs = f"Tune with its MLflow callback ({few} trials)"
    costs = {
        f"{who}: overhead a trial{when}, seconds": interval - seconds / slots
        for who, ended in (("ours, logged", ours), (theirs, stock))
        for when, interval in (("", _interval(ended, slots)), (" with the start of the processes", _whole(ended)))
    }
    first, _, third, _ = costs.values()
    return costs | {"processes that ran ours": float(len({one.process for one in ours})), "ratio": third / first}


def _interval(trials: list[Slept], slots: int) -> float:
    """Seconds from one end of a trial to the next, once so many processes have run one."""
    first: dict[str, float] = {}
    for trial in trials:
        first.setdefault(trial.process, trial.ended)
    begin = sorted(first.values())[slots - 1] if len(first) >= slots else trials[slots - 1].ended
    later = [trial.ended for trial in trials if trial.ended >= begin]
    return (later[-1] - begin) / (len(later) - 1)


def _whole(trials: list[Slept]) -> float:
    """Seconds a trial, from the first one's begin to the last one's end."""
    return (trials[-1].ended - min(trial.started for trial in trials)) / len(trials)


def calls(trials: int) -> dict[str, float]:
    """HTTP requests to an MLflow server for the same trials and metrics, ours beside the stock callback's."""
    return _calls(trials, 0.1, REPORTS)


def calls_of_long_trials(trials: int) -> dict[str, float]:
    """The same for trials that report each second for most of a minute."""
    return _calls(trials, float(_EPOCHS), _EPOCHS)


def _calls(trials: int, seconds: float, reports: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder, counted(Path(folder)) as (uri, count), simulated([8]) as address:
        run(Path(folder), study(trials - 1, [seconds], ["vae"], reports), uri, address)
        ours, kinds = count.total(), dict(count)
        count.clear()
        with cluster.started(address):
            plain(Path(folder), trials, seconds, uri, reports)
        stock = count.total()
    each = f"a trial of {reports} reports"
    found = {f"ours: requests {each}": ours / trials, f"stock: requests {each}": stock / trials, "ratio": stock / ours}
    return found | {f"ours: {path.rpartition('/mlflow/')[2]}": number / trials for path, number in kinds.items()}


@contextlib.contextmanager
def counted(folder: Path) -> Iterator[tuple[str, Counter[str]]]:
    """An MLflow server behind a proxy that counts requests by path."""
    count: Counter[str] = Counter()
    with mlflow_server(f"sqlite:///{folder}/mlflow.db", folder / "files", port=free_port()) as target:

        class Proxy(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                count[self.path.partition("?")[0]] += 1
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                answer = requests.request(self.command, target + self.path, data=body, headers=headers, timeout=60)
                self.send_response(answer.status_code)
                self.send_header("Content-Length", str(len(answer.content)))
                self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward  # noqa: N815

            def log_message(self, *_: object) -> None:
                return

        proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}", count
        proxy.shutdown()


def slots(trials: int, seconds: float = 0.5, count: int = 8) -> dict[str, float]:
    """Share of the slots that trials keep busy until the last 5% of them, with methods of very different times."""
    methods = ["vae", "ae", "beta_vae", "info_vae"] * 5
    times = [seconds * (1 + (_LONG - 1) * place / 19) for place in range(20)]
    with tempfile.TemporaryDirectory() as folder, simulated([count]) as address:
        one = study(max(2, trials // len(methods)), times, methods)
        found = slept(run(Path(folder), one, f"sqlite:///{folder}/mlflow.db", address))
    return {
        "share of slots in use until the last 5% of trials": use(found, count),
        "the same with the start of the processes": use(found, count, started=1),
        "trials": float(len(found)),
    }


def use(trials: list[Slept], slots: int, started: int | None = None) -> float:
    """Share of `slots` in use from the moment when `started` processes run, all of them unless told otherwise, until
    95% of the trials have begun."""
    first: dict[str, float] = {}
    for trial in sorted(trials, key=lambda trial: trial.started):
        first.setdefault(trial.process, trial.started)
    begin = sorted(first.values())[:slots][(started or slots) - 1]
    until = sorted(trial.started for trial in trials)[int(0.95 * (len(trials) - 1))]
    busy = sum(max(0.0, min(trial.ended, until) - max(trial.started, begin)) for trial in trials)
    return busy / (slots * (until - begin))


def workers(trials: int, seconds: float = 6.0) -> dict[str, float]:
    """Trials a second on a head without CPUs and four workers, beside one worker."""
    rates = {}
    for count in (1, 4):
        with tempfile.TemporaryDirectory() as folder, simulated([0] + [2] * count) as address:
            one = study(trials * count, [seconds], ["vae"])
            records = run(Path(folder), one, f"sqlite:///{folder}/mlflow.db", address)
            rates[count] = 1 / _interval(slept(records, SEARCH), 2 * count)
    return {"one worker, trials a second": rates[1], "four, trials a second": rates[4], "ratio": rates[4] / rates[1]}


FIGURES = {
    "overhead": overhead,
    "calls": calls,
    "calls_of_long_trials": calls_of_long_trials,
    "slots": slots,
    "workers": workers,
}
TRIALS = {"overhead": 200, "calls": 20, "calls_of_long_trials": 16, "slots": 200, "workers": 16}


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Run and print. Returns the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.orchestration", description=__doc__)
    parser.add_argument("which", nargs="*", choices=[*FIGURES, []], help="all of them without one")
    parser.add_argument("--trials", type=int, help=f"in place of {json.dumps(TRIALS)}")
    options = parser.parse_args([] if arguments is None else arguments)
    found: dict[str, float] = {}
    for name in options.which or FIGURES:
        trials = options.trials or TRIALS[name]
        figures = FIGURES[name](trials)
        print(f"orchestration, {name}: {trials} trials, {os.cpu_count()} real CPUs, Ray {ray.__version__}")
        for figure, value in figures.items():
            print(f"  {figure}: {value:.3f}")
        found |= figures
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
