"""A real MLflow store with small studies in it, written as the sweep writes them."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param

from orchestrator.records import schema
from orchestrator.records.location import connect

HYPER = {"ae": {}, "vae": {}, "beta_vae": {"beta": "4.0"}}
START = 1_700_000_000_000  # ms since 1970


@dataclass
class Recorder:
    """Writes studies into an MLflow store."""

    client: MlflowClient
    folder: Path
    count: itertools.count = field(default_factory=itertools.count)

    def study(self, name: str, *, seeds: int = 3, start: int = START) -> str:
        """The id of a new study run, in the experiment `name`."""
        found = self.client.get_experiment_by_name(name)
        place = (self.folder / "artifacts").as_uri()
        experiment = found.experiment_id if found else self.client.create_experiment(name, place)
        tags = {schema.KIND: "study", schema.METRIC: "valid/elbo", schema.MODE: "max", schema.NOTE: "A <small> study."}
        run = self.client.create_run(experiment, start, tags).info.run_id
        self.client.log_batch(run, params=[Param("seeds", str(seeds)), Param("data", "digits")])
        return run

    def trial(
        self, study: str, method: str, role: str, *, seed: int, outcome: str, metrics: Mapping[str, float]
    ) -> str:
        """The id of a new trial run of ten seconds; `valid/elbo` gets a curve of four epochs that ends in its value."""
        start = START + next(self.count)
        experiment = self.client.get_run(study).info.experiment_id
        tags = {
            schema.KIND: "trial",
            schema.PARENT: study,
            schema.ROLE: role,
            schema.IDENTITY: f"{method}-{role}-{seed}-{start}",
            schema.CONFIGURATION: f"{method}-best",
            schema.OUTCOME: outcome,
        }
        run = self.client.create_run(experiment, start, tags).info.run_id
        settings = {"data": "digits", "method": method, "epochs": "4", "seed": str(seed)} | HYPER[method]
        points = [Metric(name, value, start, 4) for name, value in metrics.items()]
        curve = metrics.get("valid/elbo")
        if curve is not None:
            points += [Metric("valid/elbo", curve - gap, start, epoch) for epoch, gap in ((1, 9), (2, 3), (3, 1))]
        self.client.log_batch(run, metrics=points, params=[Param(*pair) for pair in settings.items()])
        statuses = {"finished": "FINISHED", "": "RUNNING"}
        status = statuses.get(outcome, "FAILED" if outcome.startswith("failed") else "KILLED")
        if status != "RUNNING":
            self.client.set_terminated(run, status, start + 10_000)
        return run


@dataclass(frozen=True)
class Store:
    """Where the studies are, and the runs of the one called `complete`."""

    uri: str
    client: MlflowClient
    complete: str


# The vae's elbo is clearly best; the ae reconstructs best, but not clearly, and has no rate.
REPLICATES: dict[str, dict[str, tuple[float, ...]]] = {
    "ae": {"test/bce": (10.0, 11.0, 9.5)},
    "vae": {"test/bce": (10.3, 11.2, 9.9), "test/rate": (5.0, 5.1, 4.9), "test/elbo": (-15.0, -15.1, -14.9)},
    "beta_vae": {"test/bce": (20.0, 20.5, 21.0), "test/rate": (2.0, 2.1, 2.2), "test/elbo": (-22.0, -22.5, -23.1)},
}


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without experiments: making one takes seconds, copying it does not."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    connect(f"sqlite:///{path}")
    return path


@pytest.fixture
def uri(tmp_path: Path, empty_database: Path) -> str:
    """An MLflow of the test's own."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Studies `complete`, `searching` (no replicate yet), `hopeless` (all failed), and an experiment without any."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    recorder = Recorder(connect(uri), folder)
    recorder.client.create_experiment("no_study", folder.as_uri())
    stale = recorder.study("complete", start=START - 1000)
    recorder.trial(stale, "vae", "replicate", seed=1, outcome="finished", metrics={"test/bce": 999.0})
    complete = recorder.study("complete")
    searched = recorder.study("searching")
    hopeless = recorder.study("hopeless")
    recorder.trial(hopeless, "vae", "search", seed=0, outcome="failed: the term 'rate' became nan", metrics={})
    for study in (complete, searched):
        _search(recorder, study)
    for method, columns in REPLICATES.items():
        for place in range(3):
            values = {name: column[place] for name, column in columns.items()} | {"valid/elbo": -20.0 - place}
            recorder.trial(complete, method, "replicate", seed=place + 1, outcome="finished", metrics=values)
    return Store(uri, recorder.client, complete)


def _search(recorder: Recorder, study: str) -> None:
    for method in HYPER:
        for place, elbo in enumerate((-30.0, -25.0)):
            values = {"valid/elbo": elbo, "test/bce": 12.0 + place, "test/rate": 5.0 + place}
            recorder.trial(study, method, "search", seed=0, outcome="finished", metrics=values)
    stopped = {"valid/elbo": -10.0}
    recorder.trial(study, "vae", "search", seed=0, outcome="stopped early after epoch 4", metrics=stopped)
    recorder.trial(study, "beta_vae", "search", seed=0, outcome="failed: out of memory", metrics={})
