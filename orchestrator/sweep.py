"""Run a study: search every method, replicate its best configuration, record everything in MLflow.

python -m orchestrator.sweep demo
"""

from __future__ import annotations

import argparse
import logging
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.result_grid import ResultGrid
from rich.table import Table

from orchestrator import cluster, compare, ledger, plan, schema
from orchestrator import study as studies
from orchestrator.halving import MethodwiseHalving
from orchestrator.ledger import Ledger, Record
from orchestrator.location import connect, tracking_uri
from orchestrator.mirror import Mirror
from orchestrator.progress import Board
from orchestrator.search import StudySearch
from orchestrator.study import Study
from orchestrator.tracking import StudyTracking
from orchestrator.trainable import StudyTrial
from orchestrator.watch import Watch
from pipelines import artifact, console, datasets
from pipelines.datasets.dataset import Dataset, to_arrays

_LIVES = 3  # restarts of a trial whose process dies


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    name, path = studies.find(options.study)
    name = options.name or name
    study = studies.read(path, console.settings(options.set))
    if options.dry_run:
        _show_plan(name, study, options.address)
        return 0
    records = Ledger(Path(options.results).resolve() / name)
    uri = tracking_uri(options.tracking_uri)
    with records.claim():
        session = records.adopt(study)
        dataset = datasets.load(study.data)
        plan.check(study, dataset)
        tracking = StudyTracking(connect(uri), name, study, session, records)
        with cluster.started(cluster.address(options.address)):
            cluster.check_storage(records.folder)
            complete, unwritten = _sweep(name, study, dataset, records, tracking)
        return _close(name, study, records, tracking, complete, unwritten, uri)


def _sweep(
    name: str, study: Study, dataset: Dataset, records: Ledger, tracking: StudyTracking
) -> tuple[bool, list[str]]:
    """Run what is left of the study. Returns whether it is complete, and the trials that MLflow could not be told."""
    search, mirror = StudySearch(study, list(records.records())), Mirror(tracking)
    slots = cluster.slots(study.resources.cpu, study.resources.gpu)
    console.ERR.print(
        f"study {name}: {len(study.method_names)} methods on {study.data}, {slots} trials at a time; "
        f"records in {records.folder}; Ctrl-C stops, the same command continues",
        soft_wrap=True,
    )
    with Board(name, study, console.ERR) as board:
        for record in records.records():
            board.update(record)
            mirror.changed(record.identity)
        watch = Watch(records, mirror, board)
        _fit(study, search, watch, _trainable(study, dataset, records))
    if not search.done:
        for record in records.records():
            if record.status == ledger.RUNNING:
                mirror.changed(record.identity)
    return search.done, mirror.close()


def _fit(study: Study, search: StudySearch, watch: Watch, trainable: Any) -> ResultGrid:
    """Let Ray Tune run the trials that `search` proposes. SIGTERM stops it as Ctrl-C does."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
    scratch = tempfile.mkdtemp(prefix="latent-orchestra-")
    try:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": study.resources.cpu, "gpu": study.resources.gpu}),
            tune_config=tune.TuneConfig(
                search_alg=search, scheduler=MethodwiseHalving(study), num_samples=-1, reuse_actors=True
            ),
            run_config=tune.RunConfig(
                storage_path=scratch,
                callbacks=[watch],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=_LIVES),
                verbose=0,
            ),
        )
        return tuner.fit()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _trainable(study: Study, dataset: Dataset, records: Ledger) -> Any:
    """The trainable, with the data set in Ray's object store: loaded once, mapped by every process of a node."""
    facts = {f"version.{name}": version for name, version in artifact.versions().items()}
    facts |= {"version.ray": ray.__version__, "data_checksum": dataset.checksum, "git_commit": _commit()}
    return tune.with_parameters(
        StudyTrial, arrays=to_arrays(dataset), study=study, folder=str(records.folder), facts=facts
    )


def _close(
    name: str,
    study: Study,
    records: Ledger,
    tracking: StudyTracking,
    complete: bool,
    unwritten: list[str],
    uri: str,
) -> int:
    """Say how it ended, in MLflow and here."""
    again = f"python -m orchestrator.sweep {name}"
    if unwritten:
        console.ERR.print(
            f"{len(unwritten)} trials could not be written to {uri}; they are safe in {records.folder}: "
            f"run the same command again once the server is back",
            style="yellow",
            soft_wrap=True,
        )
        return 1
    for record in records.records():
        if record.status == ledger.RUNNING:
            tracking.interrupt(record.identity)
    tracking.finish(_best(study, records) if complete else None, "FINISHED" if complete else "KILLED")
    if not complete:
        console.ERR.print(f"stopped; nothing is lost: {again} continues where it was", soft_wrap=True)
        return 130
    for record in records.records():
        if record.status == ledger.FAILED:
            console.ERR.print(f"failed: {record.settings['method']} {record.identity}: {record.message}", style="red")
    compare.report(name, uri)
    console.OUT.print(f"\nBrowse the runs:   make ui    (or mlflow ui --backend-store-uri {uri})", soft_wrap=True)
    console.OUT.print(f"Compare again:     python -m orchestrator.compare {name}")
    console.OUT.print(f"Use the decoder:   python -m lso.run toy --decoder best:{name}")
    return 0


def _best(study: Study, records: Ledger) -> Record | None:
    """The replicate with the best value."""
    finished = [r for r in records.records() if r.role == schema.REPLICATE and r.status == ledger.FINISHED]
    sign = 1 if study.mode == "max" else -1
    return max(finished, key=lambda record: sign * (record.value(study.metric) or 0), default=None)


def _commit() -> str:
    """The git commit of the project, with a mark where files differ from it; empty outside of git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _show_plan(name: str, study: Study, where: str | None) -> None:
    console.ERR.print("timing a few steps of each method …")
    plans = plan.plan(study, datasets.load(study.data))
    table = Table(title=f"study {name}: {study.description}", title_justify="left")
    for column in ("method", "trials", "searched", "fixed", "seconds a trial"):
        table.add_column(column, justify="right" if column in ("trials", "seconds a trial") else "left")
    for entry in plans:
        space = "\n".join(f"{key}: {_words(span)}" for key, span in entry.space.items())
        trial = study.trial(entry.method, {}, seed=0).settings()
        fixed = ", ".join(f"{key}={value}" for key, value in trial.items() if key in study.fixed)
        table.add_row(entry.method, str(entry.trials), space, fixed, f"{entry.seconds:.1f}")
    console.OUT.print(table)
    with cluster.started(cluster.address(where)):
        slots = cluster.slots(study.resources.cpu, study.resources.gpu)
    trials, total = sum(entry.trials for entry in plans), sum(entry.trials * entry.seconds for entry in plans)
    console.OUT.print(
        f"{trials} trials of {study.resources.cpu:g} CPU and {study.resources.gpu:g} GPU, {slots} at a time: at most "
        f"about {_duration(total / slots)} ({_duration(total)} of trial time; early stopping saves some of it). "
        f"Chosen by {study.metric} ({study.mode}), search {study.search}, data {study.data}.",
        soft_wrap=True,
    )


def _words(span: Any) -> str:
    if hasattr(span, "choices"):
        return " | ".join(map(str, span.choices))
    return f"{span.low:g} … {span.high:g}{' (log)' if span.log else ''}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.sweep",
        description="Run a study: search every method, replicate its best configuration, record everything in MLflow. "
        "A study that was stopped, by Ctrl-C or by a crash, continues when it is started again.",
    )
    parser.add_argument("study", help=f"a study that ships ({', '.join(studies.names())}) or the path of a YAML file")
    console.add_settings(parser, "override the study's keys, such as trials=20 or fixed.epochs=50")
    parser.add_argument("--name", help="run it under another name, with records of its own")
    parser.add_argument("--dry-run", action="store_true", help="print what would run and about how long it would take")
    parser.add_argument("--address", help="Ray cluster to join, or auto (default: $RAY_ADDRESS, else this machine)")
    parser.add_argument("--tracking-uri", help="MLflow server (default: $MLFLOW_TRACKING_URI, else ./mlflow.db)")
    parser.add_argument(
        "--results", default="results", help="folder of the records (in a cluster, one that all nodes share)"
    )
    return parser


if __name__ == "__main__":
    console.run(main)
