"""A study in PostgreSQL behind an MLflow server with files of its own, submitted to a cluster of several nodes."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
import yaml

from methods.core.errors import BadInput
from orchestrator import services, sweep
from orchestrator.records import models, runs
from pipelines import artifact

pytestmark = pytest.mark.skipif("LATENT_ORCHESTRA_FAULTS" not in os.environ, reason="takes minutes: make test-faults")

ROOT = Path(sweep.__file__).parents[1]
STUDY = {
    "data": "digits",
    "methods": ["vae"],
    "seeds": 2,
    "fixed": {"network": "mlp", "latent": 2, "epochs": 4, "batch_size": 500},
}


def missing() -> str:
    """What this machine lacks; empty where it lacks nothing."""
    if importlib.util.find_spec("psycopg2") is None:
        return "psycopg2 is not installed: pip install psycopg2-binary"
    try:
        services.programs()
    except BadInput as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    if missing():
        pytest.skip(missing())
    # Not in pytest's folder, which PostgreSQL's own account cannot enter.
    with tempfile.TemporaryDirectory(prefix="services-") as folder, services.postgres(Path(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    files = tmp_path_factory.mktemp("store") / "artifacts"
    with services.mlflow_server(database, files, port=services.free_port()) as uri:
        yield uri


def test_without_postgresql_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(services, "_DEBIAN", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(BadInput, match="PostgreSQL is not installed: apt-get install postgresql"):
        services.programs()


CLUSTER = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(
    initialize_head=True,
    head_node_args={"num_cpus": 1, "include_dashboard": True, "dashboard_host": "127.0.0.1", "dashboard_port": 0},
)
cluster.add_node(num_cpus=1)
print(cluster.head_node.webui_url, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@contextlib.contextmanager
def dashboard() -> Iterator[str]:
    """The address for jobs of a cluster of two nodes."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield f"http://{process.stdout.readline().strip()}"
    finally:
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_is_in_postgresql_with_its_model_in_the_store(server: str, database: str, tmp_path: Path) -> None:
    (tmp_path / "direct.yaml").write_text(yaml.safe_dump(STUDY))
    places = ["--results", str(tmp_path / "results"), "--tracking-uri", server]
    command = [sys.executable, "-m", "orchestrator.sweep", "direct.yaml", *places]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    expect_study("direct", server, database)
    source = models.fetch("models:/direct@best", tracking_uri=server)
    assert artifact.load(source.folder).trial.method == "vae"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(importlib.util.find_spec("aiohttp_cors") is None, reason="no job server: pip install ray[default]")
def test_a_study_submitted_as_a_job_is_in_postgresql(server: str, database: str, tmp_path: Path) -> None:
    study = tmp_path / "uploaded" / "tiny.yaml"
    study.parent.mkdir()
    study.write_text(yaml.safe_dump(STUDY))
    with dashboard() as address:
        environment = {"env_vars": {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "RAY_AUTH_MODE": "disabled"}}
        ray = shutil.which("ray", path=str(Path(sys.executable).parent))
        assert ray is not None
        command = [ray, "job", "submit", "--address", address, "--working-dir", str(study.parent)]
        # The simulated nodes unpack what was uploaded into one folder, each anew: the sweep must not stand in it.
        sweeping = f'cd / && exec {sys.executable} -m orchestrator.sweep "$OLDPWD/tiny.yaml"'
        places = f"--results {tmp_path}/results --tracking-uri {server} --address auto"
        entry = ["bash", "-c", f"{sweeping} {places}"]
        done = subprocess.run(
            [*command, "--runtime-env-json", json.dumps(environment), "--", *entry],
            capture_output=True,
            text=True,
            timeout=400,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    expect_study("tiny", server, database)


def expect_study(name: str, server: str, database: str) -> None:
    """Two finished trials, by MLflow's answers and in the database's own tables."""
    assert [trial.status for trial in runs.read(name, server).trials] == ["FINISHED"] * 2
    finished = """
        select count(*) from runs join tags on tags.run_uuid = runs.run_uuid
        join experiments on experiments.experiment_id = runs.experiment_id
        where tags.key = 'lo.identity' and runs.status = 'FINISHED' and experiments.name = :name
    """
    with sqlalchemy.create_engine(database).connect() as connection:
        assert connection.execute(sqlalchemy.text(finished), {"name": name}).scalar() == 2
