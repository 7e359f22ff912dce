"""Measure a trained method in MLflow by any metric, and add the numbers to its run.

python -m orchestrator.evaluate runs:/ID --metrics log_likelihood,mutual_information
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput
from orchestrator.records import references
from orchestrator.records.connection import answering
from orchestrator.records.location import connect, tracking_uri
from orchestrator.records.runs import history
from orchestrator.records.sources import fetch
from pipelines import console
from pipelines.evaluate import evaluate_saved, folder_of, names_of, parser, report, settings_of, show_metrics
from pipelines.metrics.results import Results
from pipelines.metrics.subject import Settings

_ARTIFACTS = "evaluation"
"""Where a run keeps `evaluate.json`."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.list:
        show_metrics()
        return 0
    names, settings = names_of(options.metrics), settings_of(options)
    uri = tracking_uri(options.tracking_uri)
    source = fetch(_reference(options.run), tracking_uri=uri)
    run = source.run_id
    facts = None if run is None else training_facts(connect(uri, create=False), run)
    with console.progress() as bar:
        results = evaluate_saved(source.folder, names, settings, fresh=options.fresh, bar=bar, facts=facts)
    code = report(results, names)
    if run is not None:
        with answering(uri):
            logged = log(connect(uri, create=False), run, results, settings)
        console.OUT.print(f"added {logged} metrics to runs:/{run}", soft_wrap=True)
    return code


def training_facts(client: MlflowClient, run_id: str) -> dict[str, float]:
    """`seconds_per_epoch`, and where the study recorded it `peak_memory` (MiB): of the GPU if one was used."""
    with answering(client.tracking_uri):
        seconds = history(client, run_id, "seconds").values()
        memory = history(client, run_id, "system/gpu_memory_mib") or history(client, run_id, "system/memory_mib")
    found = {"seconds_per_epoch": sum(seconds) / len(seconds)} if seconds else {}
    return found | ({"peak_memory": max(memory.values())} if memory else {})


def log(client: MlflowClient, run_id: str, results: Results, settings: Settings) -> int:
    """Add all values to the run as `<split>/<metric>`, where they are not there yet, and `evaluate.json`.

    Returns:
        How many values were new.
    """
    run = client.get_run(run_id)
    known, epochs = run.data.metrics, run.data.params.get("epochs", "")
    values = _of_split(results, settings.split)
    new = {name: value for name, value in values.items() if not _same(known, name, value)}
    now, step = time.time_ns() // 1_000_000, int(epochs) if epochs.isdigit() else 0
    client.log_batch(run_id, metrics=[Metric(name, value, now, step) for name, value in new.items()])
    client.log_artifact(run_id, str(results.path), _ARTIFACTS)
    return len(new)


def _reference(run: str | None) -> str:
    if run is None:
        raise BadInput(f"name a run with {references.FORMS}, or list what can be measured with --list")
    return run if references.is_reference(run) else str(folder_of(run))


def _of_split(results: Results, split: str) -> dict[str, float]:
    entries = [entry for entry in results.entries.values() if entry.settings["split"] == split]
    return {f"{split}/{name}": value for entry in entries for name, value in entry.values.items()}


def _same(known: Mapping[str, float], name: str, value: float) -> bool:
    there = known.get(name)
    return there is not None and (there == value or (there != there and value != value))


def _parser() -> argparse.ArgumentParser:
    found = parser()
    found.prog = "python -m orchestrator.evaluate"
    found.description = __doc__.splitlines()[0]
    found.add_argument("--tracking-uri", metavar="URI", help="default: MLFLOW_TRACKING_URI, else ./mlflow.db")
    return found


if __name__ == "__main__":
    console.run(main)
