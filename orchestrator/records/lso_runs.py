"""Latent-space optimizations in MLflow, each beside the run whose decoder it used."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import LoggedModelInput, Metric, Param, Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags

from methods.core.errors import BadInput
from orchestrator.records import schema
from orchestrator.records.location import artifacts, connect
from orchestrator.records.sources import Source

EXPERIMENT = "lso"
"""Where optimizations are recorded whose decoder has no run."""

_METRICS, _PARAMS = 1000, 100  # MLflow's limits for one call

History = Sequence[tuple[int, Mapping[str, float]]]
"""(step, values by name), as for a metric that changes."""


def log_lso(
    source: Source,
    *,
    task: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    history: History,
    folder: Path,
) -> str:
    """Record an optimization as an lso run: child of the decoder's run, with the decoder's model as its input.

    A decoder without a run is recorded in the experiment `lso`, without a parent.

    Args:
        source: the decoder.
        task: name of the task.
        params: its settings. `outcome`, if given, is the run's outcome instead of `finished`.
        metrics: results.
        history: results that changed while it ran.
        folder: its files, kept as the run's artifacts.

    Returns:
        The new run's id.

    Raises:
        BadInput: MLflow does not answer or refuses.
    """
    client = connect(source.tracking_uri)
    try:
        decoder = client.get_run(source.run_id) if source.run_id else None
        run = _create(client, source, decoder, task, _note(task, source, decoder))
        _fill(client, run, params, [*_points(history), *_points([(0, metrics)])])
        if source.model_id:
            client.log_inputs(run, models=[LoggedModelInput(source.model_id)])
        client.log_artifacts(run, str(folder))
        _end(client, run, decoder, str(params.get("outcome", "finished")))
    except MlflowException as error:
        raise BadInput(f"{source.tracking_uri} refused the record: {str(error).splitlines()[0]}") from error
    return run


def _create(client: MlflowClient, source: Source, decoder: Run | None, task: str, note: str) -> str:
    tags = {schema.KIND: "lso", schema.NOTE: note}
    if decoder is None:
        return client.create_run(_experiment(client), tags=resolve_tags(tags), run_name=task).info.run_id
    tags |= {schema.PARENT: decoder.info.run_id, schema.DECODER_RUN: decoder.info.run_id}
    if schema.STUDY in decoder.data.tags:
        tags[schema.STUDY] = decoder.data.tags[schema.STUDY]
    name = f"{task} with {decoder.info.run_name}"
    return client.create_run(decoder.info.experiment_id, tags=resolve_tags(tags), run_name=name).info.run_id


def _experiment(client: MlflowClient) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        return client.create_experiment(EXPERIMENT, artifact_location=artifacts(client.tracking_uri, EXPERIMENT))
    if found.lifecycle_stage != "active":
        raise BadInput(f"the MLflow experiment {EXPERIMENT!r} was deleted: restore it")
    return found.experiment_id


def _note(task: str, source: Source, decoder: Run | None) -> str:
    """Markdown for the run's page. Its links hold wherever MLflow's pages are served from."""
    if decoder is None:
        return f"Latent-space optimization **{task}** with the decoder in `{source.folder}`."
    place = f"#/experiments/{decoder.info.experiment_id}"
    run = f"[{decoder.info.run_name}]({place}/runs/{decoder.info.run_id})"
    model = f" ([model]({place}/models/{source.model_id}))" if source.model_id else ""
    return f"Latent-space optimization **{task}** with the decoder of {run}{model}."


def _fill(client: MlflowClient, run: str, params: Mapping[str, Any], points: list[Metric]) -> None:
    entries = [Param(name, str(value)) for name, value in params.items()]
    for start in range(0, len(entries), _PARAMS):
        client.log_batch(run, params=entries[start : start + _PARAMS])
    for start in range(0, len(points), _METRICS):
        client.log_batch(run, metrics=points[start : start + _METRICS])


def _points(history: Iterable[tuple[int, Mapping[str, float]]]) -> list[Metric]:
    now = time.time_ns() // 1_000_000
    return [Metric(name, value, now, step) for step, values in history for name, value in values.items()]


def _end(client: MlflowClient, run: str, decoder: Run | None, outcome: str) -> None:
    client.set_tag(run, schema.OUTCOME, outcome)
    client.set_terminated(run, "FINISHED" if outcome == "finished" else "KILLED")
    if decoder is not None:
        client.set_tag(decoder.info.run_id, schema.LSO_RUN, run)
