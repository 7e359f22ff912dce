"""Which trained method a reference such as `best:STUDY` means."""

from __future__ import annotations

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput, unknown
from orchestrator.records import schema

FORMS = "runs:/ID, models:/NAME/VERSION, models:/NAME@ALIAS, models:/MODEL_ID or best:STUDY"
"""All forms of a reference."""

_UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_NOT_STUDIES = {"Default", "lso"}


def is_reference(text: str) -> bool:
    """Has `text` one of `FORMS`, so that MLflow is asked for it?"""
    kind, colon, _ = text.partition(":")
    return bool(colon) and kind in _LOOKUPS


def model_id(client: MlflowClient, reference: str) -> str:
    """The id of the logged model that `reference` means.

    Raises:
        BadInput: there is no such run, registered model or study, or it has no trained method.
    """
    kind, _, name = reference.partition(":")
    return _LOOKUPS[kind](client, name.strip("/"))


def is_unknown(error: MlflowException) -> bool:
    """Does MLflow say that there is no such thing?"""
    return error.error_code in _UNKNOWN


def _of_run(client: MlflowClient, run_id: str) -> str:
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if is_unknown(error):
            raise BadInput(f"there is no run {run_id!r} in {client.tracking_uri}: check the id") from error
        raise
    if schema.MODEL not in run.data.tags:
        raise BadInput(f"the run {run_id} has no saved method: {_remedy(run)}")
    return run.data.tags[schema.MODEL]


def _remedy(run: Run) -> str:
    tags = run.data.tags
    if tags.get(schema.KIND) == "study":
        return f"it is a study, so name its best method with best:{tags.get(schema.STUDY, 'STUDY')}"
    if schema.DECODER_RUN in tags:
        return f"it used the decoder of runs:/{tags[schema.DECODER_RUN]}"
    if schema.OUTCOME not in tags:
        return "it has not finished"
    return f"only finished trials have one, and its outcome is {tags[schema.OUTCOME].splitlines()[0]!r}"


def _of_registry(client: MlflowClient, name: str) -> str:
    """The id behind `NAME/VERSION`, `NAME@ALIAS` or the id itself."""
    if "@" not in name and "/" not in name:
        return name
    version = _version(client, name)
    if schema.MODEL not in version.tags:
        raise BadInput(f"models:/{name} is no trained method of this project: no study registered it")
    return version.tags[schema.MODEL]


def _version(client: MlflowClient, name: str) -> ModelVersion:
    by_alias = "@" in name
    registered, _, wanted = name.rpartition("@" if by_alias else "/")
    find = client.get_model_version_by_alias if by_alias else client.get_model_version
    try:
        return find(registered, wanted)
    except MlflowException as error:
        if is_unknown(error):
            raise _no_version(client, registered, f"{'alias' if by_alias else 'version'} {wanted!r}") from error
        raise


def _no_version(client: MlflowClient, registered: str, wanted: str) -> BadInput:
    known = [model.name for model in client.search_registered_models()]
    if registered not in known:
        return _unknown("registered model", registered, known, client)
    numbers = sorted(int(version.version) for version in client.search_model_versions(f"name = '{registered}'"))
    return BadInput(
        f"the registered model {registered!r} has no {wanted}: its versions are {', '.join(map(str, numbers))}"
    )


def _of_study(client: MlflowClient, study: str) -> str:
    experiments = {entry.name: entry.experiment_id for entry in client.search_experiments()}
    if study not in experiments:
        raise _unknown("study", study, list(experiments.keys() - _NOT_STUDIES), client)
    query = f"tags.`{schema.KIND}` = 'study'"
    for run in client.search_runs([experiments[study]], query, order_by=["attributes.start_time DESC"]):
        if schema.BEST_MODEL in run.data.tags:
            return run.data.tags[schema.BEST_MODEL]
        if "," in run.data.tags.get(schema.METRIC, ""):
            raise BadInput(
                f"the study {study!r} goes by {run.data.tags[schema.METRIC]}, so no method of it is the best: "
                "name a trial with runs:/ID"
            )
    raise BadInput(f"the study {study!r} has no best method yet: let it finish, or name a trial with runs:/ID")


def _unknown(kind: str, name: str, known: list[str], client: MlflowClient) -> BadInput:
    if not known:
        return BadInput(f"unknown {kind} {name!r}: {client.tracking_uri} has none, so check --tracking-uri")
    return unknown(kind, name, known)


_LOOKUPS = {"runs": _of_run, "models": _of_registry, "best": _of_study}
