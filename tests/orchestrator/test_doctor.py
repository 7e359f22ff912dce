"""What is said of a place before a study is started there."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from orchestrator import doctor
from orchestrator.doctor import BAD, DOUBTFUL, GOOD, Check
from orchestrator.running.nodes import Node, here

DRIVER = Node("here", {"python": "3.11.7", "ray": "2.60.0"}, (), 0.0, 100.0, True)


def states(checks: Iterator[Check]) -> dict[str, str]:
    return {check.what: check.state for check in checks}


def node(**more: object) -> Node:
    return Node(**vars(DRIVER) | {"name": "there"} | more)


def test_a_database_that_is_there_answers(uri: str) -> None:
    (check,) = doctor.tracking(uri)
    assert check.what == "tracking"
    assert check.state in (GOOD, DOUBTFUL)  # a busy machine may be slow
    assert check.found.startswith(f"{uri} answers in ")


def test_a_database_that_is_not_there_yet_will_be_made(tmp_path: Path) -> None:
    assert states(doctor.tracking(f"sqlite:///{tmp_path}/new.db")) == {"tracking": GOOD}
    assert not (tmp_path / "new.db").exists()


def test_a_server_that_does_not_answer_is_an_error() -> None:
    (check,) = doctor.tracking("http://127.0.0.1:9")
    assert check.state == BAD
    assert "does not answer" in check.found


@pytest.fixture
def version_server() -> Iterator[tuple[str, dict[str, str]]]:
    """A server that says its version, as MLflow's does."""
    said = {"version": mlflow.__version__}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said["version"].encode())

        def log_message(self, *_: object) -> None:
            return

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", said
    server.shutdown()
    thread.join()


@pytest.mark.parametrize(("version", "state"), [(mlflow.__version__, GOOD), ("2.22.0", BAD)])
def test_a_server_of_another_major_version_is_an_error(
    version_server: tuple[str, dict[str, str]], version: str, state: str
) -> None:
    uri, said = version_server
    said["version"] = version
    assert doctor._server_version(uri).state == state


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    found = states(doctor.storage(tmp_path / "results"))
    assert (found["results"], found["locks"]) == (GOOD, GOOD)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert states(doctor.storage(tmp_path / "file" / "results"))["results"] == BAD


@pytest.mark.parametrize(("gib", "state"), [(0.5, BAD), (5.0, DOUBTFUL), (50.0, GOOD)])
def test_little_room_is_told(gib: float, state: str) -> None:
    assert doctor._room("disk", gib, "here").state == state


@pytest.mark.parametrize(
    ("mode", "rights", "where", "state"),
    [
        ("token", None, "auto", BAD),
        ("token", 0o600, "auto", GOOD),
        ("token", 0o644, "auto", DOUBTFUL),
        ("disabled", None, "auto", DOUBTFUL),
        ("disabled", None, "local", GOOD),
        ("", None, "local", GOOD),
    ],
)
def test_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, rights: int | None, where: str, state: str
) -> None:
    path = tmp_path / "auth_token"
    if rights is not None:
        path.touch()
        path.chmod(rights)
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(path))
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    assert states(doctor.token(where)) == {"token": state}


def test_nodes_that_agree_are_good(tmp_path: Path) -> None:
    found = states(doctor.machines([node(), node(name="other")], DRIVER, tmp_path))
    assert set(found.values()) == {GOOD}


def test_a_node_with_another_version_is_an_error_that_names_both(tmp_path: Path) -> None:
    old = node(versions={"python": "3.11.7", "ray": "2.50.0"})
    checks = {check.what: check for check in doctor.machines([old], DRIVER, tmp_path)}
    assert checks["this machine, versions"].state == BAD
    assert checks["this machine, versions"].found == "ray 2.50.0 there, 2.60.0 here: install the same"


@pytest.mark.parametrize(
    ("gpus", "granted", "state"), [((), 0, GOOD), (("L4",), 1, GOOD), ((), 1, BAD), (("L4",), 0, DOUBTFUL)]
)
def test_ray_and_torch_must_agree_on_gpus(gpus: tuple[str, ...], granted: float, state: str) -> None:
    assert doctor._gpus("there", node(gpus=gpus, granted=granted)).state == state


def test_a_node_that_does_not_see_the_results_is_an_error(tmp_path: Path) -> None:
    found = states(doctor.machines([node(), node(name="blind", sees_results=False)], DRIVER, tmp_path))
    assert found["node blind"] == BAD


def test_this_machine_knows_itself(tmp_path: Path) -> None:
    found = here(str(tmp_path))
    assert found.sees_results
    assert not here(str(tmp_path / "missing")).sees_results
    assert found.versions["ray"] == doctor.nodes.ray.__version__
    assert found.free_gib > 0


def test_the_exit_code_says_whether_something_is_wrong(
    tmp_path: Path, uri: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_FREE_GIB", {})
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"))
    places = ["--results", str(tmp_path / "results"), "--tracking-uri", uri]
    assert doctor.main(places) == 0
    assert "error: " not in capsys.readouterr().out
    assert doctor.main([*places, "--cluster", str(tmp_path / "missing.yaml")]) == 1
    assert "error: missing.yaml: " in capsys.readouterr().out


def test_a_cluster_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    (check,) = doctor.ray("127.0.0.1:9", tmp_path)
    assert (check.what, check.state) == ("Ray", BAD)


CLUSTER = """
import json, sys
from pathlib import Path
from ray.cluster_utils import Cluster
from orchestrator import doctor
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1, num_gpus=1)
checks = list(doctor.ray(cluster.address, Path(sys.argv[1])))
print(json.dumps([[check.what, check.state, check.found] for check in checks]))
cluster.shutdown()
"""


@pytest.mark.slow
def test_all_nodes_of_a_real_cluster_are_asked(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLUSTER, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, env=os.environ | {"TMPDIR": "/tmp"})
    checks = json.loads(done.stdout.splitlines()[-1])
    assert next(state for what, state, _ in checks if what == "Ray") == GOOD
    assert sum(what.endswith("versions") and state == GOOD for what, state, _ in checks) == 2
    # Ray was told of a GPU that is not there.
    assert sorted(state for what, state, _ in checks if what.endswith("GPU")) == [BAD, GOOD]
