"""Where the records of studies are: which MLflow, how to reach it, and where it keeps files."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import requests
from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput
from orchestrator.records.connection import shown

_SQLITE = "sqlite:///"
# MLflow's own defaults wait four minutes for a server that is down.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_QUIET = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}  # two lines a run, in the middle of what commands print
_SECONDS = 10.0  # for the first answer
_CHATTER = ("mlflow.store.db.utils", "mlflow.store.model_registry.abstract_store", "alembic")


def tracking_uri(given: str | None) -> str:
    """The MLflow to use: `given`, else the environment's MLFLOW_TRACKING_URI, else `mlflow.db` in this folder.

    Relative paths of databases become absolute, since they would mean another database in every folder.
    """
    uri = given or os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}mlflow.db"
    path = uri.removeprefix(_SQLITE)
    if path == uri or path.startswith(":memory:"):
        return uri
    return _SQLITE + str(Path.cwd() / path)


def connect(uri: str, *, create: bool = True) -> MlflowClient:
    """A client of the MLflow at `uri`, after one call that proves it answers.

    Args:
        uri: an absolute one, as `tracking_uri` returns.
        create: make a local database where there is none yet.

    Raises:
        BadInput: it does not answer within about ten seconds, the database cannot be written, or it does not exist and
            `create` is not set.
    """
    for name, value in (_PATIENCE | _QUIET).items():
        os.environ.setdefault(name, value)
    database = _database(uri)
    if database is not None and create:
        _make(database)
    elif database is not None and not database.is_file():
        raise BadInput(f"there is no MLflow database {database}: name the right one with --tracking-uri")
    for name in _CHATTER:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        _knock(uri)
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    except Exception as error:  # each kind of store raises its own
        raise BadInput(
            f"the tracking server {shown(uri)} does not answer ({_reason(error)}): start it, or choose another with "
            "--tracking-uri"
        ) from error
    return client


def artifacts(uri: str, experiment: str) -> str | None:
    """Where a new experiment keeps its files: beside a local database; None where a server knows its own place."""
    database = _database(uri)
    return None if database is None else (database.parent / "mlartifacts" / experiment).as_uri()


def _make(database: Path) -> None:
    """An empty database where there is none: MLflow would try for minutes where it cannot make one."""
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        database.open("ab").close()
    except OSError as error:
        raise BadInput(
            f"the MLflow database {database} cannot be written ({error.strerror}): choose another with --tracking-uri"
        ) from error


def _knock(uri: str) -> None:
    """One short attempt to reach a server: MLflow's own are many and long."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        with contextlib.suppress(requests.exceptions.SSLError):  # it does answer; MLflow may be told to accept it
            requests.get(f"{uri.rstrip('/')}/health", timeout=_SECONDS)
    elif parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), timeout=_SECONDS).close()


def _database(uri: str) -> Path | None:
    path = uri.removeprefix(_SQLITE)
    return None if path == uri or path.startswith(":memory:") else Path(path)


def _reason(error: Exception) -> str:
    """The root of nested messages, as `Connection refused`."""
    text = re.sub(r"^HTTPS?ConnectionPool\(.*?\): ", "", shown(str(error).strip().splitlines()[0]))
    _, nested, cause = text.rpartition("Caused by ")
    return cause.rpartition("): ")[2].rstrip(")").rstrip("\"'") if nested else text[:200]
