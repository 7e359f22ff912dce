"""Copies of trained methods on this machine, and where they came from."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts
import pooch
from mlflow.entities import LoggedModel, LoggedModelStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput
from orchestrator.records import references
from orchestrator.records.location import connect

_FILES = ("trial.json", "method.safetensors")


@dataclass(frozen=True)
class Source:
    """A trained method on this machine, and where it came from.

    Attributes:
        folder: holds `trial.json` and `method.safetensors`.
        run_id: the run that trained it; None for a local folder.
        model_id: its logged model; None for a local folder.
        tracking_uri: the MLflow that has them, or that is to record what is done with a local one.
    """

    folder: Path
    run_id: str | None
    model_id: str | None
    tracking_uri: str


def fetch(reference: str, *, tracking_uri: str) -> Source:
    """The trained method that `reference` names, downloaded unless this machine has it already.

    Args:
        reference: `runs:/ID`, `models:/NAME/VERSION`, `models:/NAME@ALIAS`, `models:/MODEL_ID`, `best:STUDY` (of the
            latest run of that study that has finished), or a local folder.
        tracking_uri: the MLflow to ask, as `location.tracking_uri` returns it.

    Raises:
        BadInput: MLflow does not answer, or has no such run, model or study; the run has no saved method; the study
            has not finished; the files cannot be had or kept.
    """
    if not references.is_reference(reference):
        return Source(_local(reference), None, None, tracking_uri)
    client = connect(tracking_uri, create=False)
    try:
        model = _ready(client, references.model_id(client, reference))
    except MlflowException as error:
        raise BadInput(f"{tracking_uri} failed: {_first_line(error)}") from error
    return Source(_kept(model, tracking_uri), model.source_run_id, model.model_id, tracking_uri)


def _local(reference: str) -> Path:
    folder = Path(reference).expanduser()
    if not folder.is_dir():
        raise BadInput(f"{reference!r} names no trained method: it is no folder, and none of {references.FORMS}")
    return folder


def _ready(client: MlflowClient, model_id: str) -> LoggedModel:
    try:
        model = client.get_logged_model(model_id)
    except MlflowException as error:
        if references.is_unknown(error):
            raise BadInput(f"no model {model_id!r} in {client.tracking_uri}: use {references.FORMS}") from error
        raise
    if model.status != LoggedModelStatus.READY:
        raise BadInput(f"the model {model_id} was never saved whole: use another one")
    return model


def _kept(model: LoggedModel, uri: str) -> Path:
    """The model's files in this user's cache. A logged model never changes, so a copy stays good."""
    cache = Path(os.environ.get("LATENT_ORCHESTRA_CACHE") or pooch.os_cache("latent-orchestra")).expanduser()
    folder = cache / "models" / model.model_id
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as draft:
            _download(model, uri, draft).replace(folder)
    except OSError as error:
        if not folder.is_dir():  # else another process was faster
            raise BadInput(f"cannot keep the model in {folder.parent}: {error.strerror or error}") from error
    return folder


def _download(model: LoggedModel, uri: str, target: str) -> Path:
    """Where inside `target` the model's files are."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    place = model.artifact_location
    try:
        found = Path(mlflow.artifacts.download_artifacts(artifact_uri=place, dst_path=target, tracking_uri=uri))
    except Exception as error:  # each kind of artifact store raises its own
        raise BadInput(
            f"the files of model {model.model_id} cannot be read from {place}: {_first_line(error)}"
        ) from error
    if not all((found / name).is_file() for name in _FILES):
        raise BadInput(f"the files of model {model.model_id} are missing from {place}: it needs {' and '.join(_FILES)}")
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
