import socket
import time
from pathlib import Path

import pytest

from methods.core.errors import BadInput
from orchestrator.records import location


def test_a_given_address_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert location.tracking_uri("http://here:5000") == "http://here:5000"


def test_the_environment_wins_over_the_default(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    assert location.tracking_uri(None) == "http://elsewhere:5000"


def test_the_default_is_a_database_in_the_current_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    assert location.tracking_uri(None) == f"sqlite:///{tmp_path}/mlflow.db"


@pytest.mark.parametrize("given", ["sqlite:///runs/a.db", "sqlite:///./runs/a.db"])
def test_a_relative_database_becomes_absolute(given, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert location.tracking_uri(given) == f"sqlite:///{tmp_path}/runs/a.db"


def test_an_absolute_database_stays():
    assert location.tracking_uri("sqlite:////srv/a.db") == "sqlite:////srv/a.db"


def test_files_of_a_local_database_lie_beside_it():
    assert location.artifacts("sqlite:////srv/a.db", "toy study") == "file:///srv/mlartifacts/toy%20study"


def test_a_server_places_files_itself():
    assert location.artifacts("http://here:5000", "toy") is None


def test_a_database_that_is_not_there_is_not_made_unasked(tmp_path):
    database = Path(tmp_path) / "none.db"
    with pytest.raises(BadInput, match=r"no MLflow database .*none\.db"):
        location.connect(f"sqlite:///{database}", create=False)
    assert not database.exists()


def test_a_server_that_is_down_is_one_short_sentence():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(
        BadInput, match=r"does not answer \(Failed to establish a new connection: \[Errno \d+\] Connection refused\)"
    ):
        location.connect(address)


def test_a_server_that_takes_calls_and_never_answers_is_given_up_soon(monkeypatch):
    monkeypatch.setattr(location, "_SECONDS", 0.2)
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        port = hangs.getsockname()[1]
        with pytest.raises(
            BadInput, match=rf"tracking server http://127.0.0.1:{port} does not answer \(Read timed out"
        ):
            location.connect(f"http://127.0.0.1:{port}")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql://me:secret@127.0.0.1:9/mlflow"])
def test_a_server_that_is_not_there_is_told_in_one_sentence_without_its_password(uri):
    start = time.monotonic()
    with pytest.raises(BadInput) as caught:
        location.connect(uri)
    assert time.monotonic() - start < 5
    assert "Connection refused" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        BadInput, match=r"database .*file/mlflow\.db cannot be written \((File exists|Not a directory)\)"
    ):
        location.connect(f"sqlite:///{tmp_path}/file/mlflow.db")


def test_the_folder_of_a_new_database_is_made(tmp_path):
    location.connect(f"sqlite:///{tmp_path}/new/mlflow.db")
    assert (tmp_path / "new" / "mlflow.db").is_file()
