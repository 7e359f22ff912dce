"""Where the records of studies are: which MLflow, how to reach it, and where it keeps files."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput

_SQLITE = "sqlite:///"
# MLflow's own defaults wait four minutes for a server that is down.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
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
        BadInput: it does not answer within about ten seconds, or the database does not exist and `create` is not set.
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    database = _database(uri)
    if database is not None and not create and not database.is_file():
        raise BadInput(f"there is no MLflow database {database}: name the right one with --tracking-uri")
    for name in _CHATTER:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    except Exception as error:  # each kind of store raises its own
        raise BadInput(
            f"the tracking server {uri} does not answer ({_reason(error)}): start it, or choose another with "
            "--tracking-uri"
        ) from error
    return client


def artifacts(uri: str, experiment: str) -> str | None:
    """Where a new experiment keeps its files: beside a local database; None where a server knows its own place."""
    database = _database(uri)
    return None if database is None else (database.parent / "mlartifacts" / experiment).as_uri()


def _database(uri: str) -> Path | None:
    path = uri.removeprefix(_SQLITE)
    return None if path == uri else Path(path)


def _reason(error: Exception) -> str:
    """The root of MLflow's nested messages, as `Connection refused`."""
    text = str(error).strip().splitlines()[0]
    _, nested, cause = text.rpartition("Caused by ")
    return cause.rpartition("): ")[2].rstrip(")").rstrip("\"'") if nested else text[:200]
