"""Trained methods in MLflow: two plain files as a logged model, and versions of it under a name. No pickle.

`fetch` brings a trained method back to this machine, `log_lso` records what was done with its decoder.
"""

from __future__ import annotations

import json
from pathlib import Path

from mlflow.entities import LoggedModelOutput
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from orchestrator.records import schema
from orchestrator.records.lso_runs import log_lso
from orchestrator.records.sources import Source, fetch

__all__ = ["Source", "fetch", "log_lso", "log_model", "register"]

_VERSIONS = "mlflow.modelVersions"
"""On a logged model: its registered versions, which MLflow's model page links to."""


def log_model(client: MlflowClient, run_id: str, folder: Path, *, name: str) -> str:
    """Log a trained method as a model that `run_id` put out. Logging it again changes nothing.

    The model counts as the run's output from its last file on, so a run never shows half a model.

    Args:
        client: of the MLflow that has the run.
        run_id: the trial's run.
        folder: what `pipelines.artifact.save` wrote.
        name: shown beside the model; a run has one model of a name.

    Returns:
        The model's id. It is left to the caller to tag the run with it, as `schema.MODEL`.
    """
    run = client.get_run(run_id)
    for output in run.outputs.model_outputs if run.outputs else ():
        if client.get_logged_model(output.model_id).name == name:
            return output.model_id
    model = client.create_logged_model(
        run.info.experiment_id, name=name, source_run_id=run_id, params=run.data.params, model_type="autoencoder"
    )
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model.model_id


def register(client: MlflowClient, model_id: str, *, name: str, alias: str = "best") -> int:
    """Register a logged model as a version of `name` and let `alias` point to it.

    From then on `models:/NAME/VERSION` and `models:/NAME@ALIAS` name it. A model has one version, however often it is
    registered.

    Returns:
        The version, counted from 1.
    """
    found = _registered(client, model_id, name) or _create_version(client, model_id, name)
    client.set_registered_model_alias(name, alias, str(found.version))
    return int(found.version)


def _registered(client: MlflowClient, model_id: str, name: str) -> ModelVersion | None:
    versions = client.search_model_versions(f"name = '{name}'")
    return next((version for version in versions if version.tags.get(schema.MODEL) == model_id), None)


def _create_version(client: MlflowClient, model_id: str, name: str) -> ModelVersion:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    model = client.get_logged_model(model_id)
    # A local database looks `models:/` sources up in the process's own tracking server, so the place itself is given;
    # it does not keep the model's id either, hence the tag.
    version = client.create_model_version(
        name, model.artifact_location, model.source_run_id, tags={schema.MODEL: model_id}, model_id=model_id
    )
    _link(client, model_id, version)
    return version


def _link(client: MlflowClient, model_id: str, version: ModelVersion) -> None:
    """Let the model's page name the version; a server has done so already, a local database has not."""
    known = json.loads(client.get_logged_model(model_id).tags.get(_VERSIONS, "[]"))
    entry = {"name": version.name, "version": int(version.version)}
    if entry not in known:
        client.set_logged_model_tags(model_id, {_VERSIONS: json.dumps([*known, entry])})
