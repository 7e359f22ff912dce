"""Run a study: search every method, replicate its best configuration, record everything in MLflow.

python -m orchestrator.sweep demo
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.table import Table

from methods.core.errors import BadInput
from methods.core.ranges import words
from orchestrator import compare
from orchestrator.definition import plan, scale
from orchestrator.definition import study_files as studies
from orchestrator.definition.objectives import described
from orchestrator.definition.plan import BranchPlan
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.connection import answering, shown
from orchestrator.records.gpu_shares import GpuShares
from orchestrator.records.ledger import Ledger
from orchestrator.records.location import connect, tracking_uri
from orchestrator.records.tracking import StudyTracking, open_tracking
from orchestrator.running import cluster, gpu_nodes
from orchestrator.running.packing import Packing
from orchestrator.running.session import Session
from orchestrator.running.spending import exhausted
from orchestrator.running.stop import Stop
from orchestrator.search.study_search import StudySearch
from pipelines import console, datasets
from pipelines.datasets.dataset import Dataset

_UNFINISHED = 3  # exit code, as that of `status`: the budget is spent

_TASKS = {"expression": "expression", "smiles": "molecule"}
"""What a decoder is for, by how the name of what it writes begins; images are for the toy task."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    name, path = studies.find(options.study)
    name = options.name or name
    scaled = {} if options.scale is None else {"scale": options.scale}
    study = studies.read(path, console.settings(options.set) | scaled)
    if options.dry_run:
        _show_plan(name, study, options.address)
        return 0
    uri = tracking_uri(options.tracking_uri)
    client = connect(uri)
    data = {loaded: datasets.load(loaded) for loaded in study.loaded.values()}
    plan.check(study, data)
    records = Ledger(Path(options.results).resolve() / name)
    with records.claim():
        session_id = records.adopt(study)
        if (spent := exhausted(study, records)) and not StudySearch(study, list(records.records())).done:
            raise BadInput(spent)
        with answering(uri):
            tracking = StudyTracking(client, name, study, session_id, records)
        session = Session(study, data, records, uri, fresh=options.fresh)
        with Stop() as stop:
            try:
                complete, unwritten = session.run(cluster.address(options.address), stop)
            except Exception:
                with contextlib.suppress(Exception):  # what happened before is more important
                    tracking.interrupt()
                raise
            _close(session, complete=complete, unwritten=unwritten)
    if complete and not unwritten:
        _report(session)
    if not complete:
        return 130 if stop.requested else _UNFINISHED
    return int(bool(unwritten))


def _close(session: Session, *, complete: bool, unwritten: list[str]) -> None:
    """Say how it ended, in MLflow and here."""
    if unwritten:
        console.ERR.print(
            f"{len(unwritten)} trials could not be written to MLflow at {shown(session.uri)}. They are safe in "
            f"{session.records.folder}: the same command writes them once the server is back",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    else:
        with answering(session.uri):
            tracking = open_tracking(session.records.folder, session.uri)
            if complete:
                tracking.finish(session.best())
            else:
                tracking.interrupt()
    if not complete:
        spent = exhausted(session.study, session.records)
        how = f"{spent}, and the same command continues" if spent else "the same command continues where it was"
        console.ERR.print(f"stopped; nothing is lost: {how}", markup=False, soft_wrap=True)


def _report(session: Session) -> None:
    """What came out, and where to look next."""
    for record in session.records.records():
        if record.status == ledger.FAILED:
            what = f"{', '.join(record.arms)} {record.identity}"
            console.ERR.print(f"failed: {what}: {record.message}", style="red", markup=False, soft_wrap=True)
    compare.report(session.name, session.uri)
    server = session.uri.startswith("http")
    ui = session.uri if server else f"make ui    (or mlflow ui --backend-store-uri {session.uri})"
    console.OUT.print(f"\nBrowse the runs:   {ui}", soft_wrap=True)
    there = "" if session.uri == tracking_uri(None) else f" --tracking-uri {session.uri}"
    console.OUT.print(f"Compare again:     python -m orchestrator.compare {session.name}{there}", soft_wrap=True)
    if session.best() is not None:
        written = next(iter(session.data.values())).likelihood.partition("_")[0]
        use = f"python -m lso.run {_TASKS.get(written, 'toy')} --decoder best:{session.name}{there}"
        console.OUT.print(f"Use the decoder:   {use}", soft_wrap=True)


def _show_plan(name: str, study: Study, where: str | None) -> None:
    console.ERR.print("timing a few steps of each method on each data set …")
    data = {loaded: datasets.load(loaded) for loaded in study.loaded.values()}
    plans = plan.plan(study, data)
    with cluster.started(cluster.address(where)):
        shares = _shares(study, data)
        slots = {entry.branch: cluster.slots(study.resources.cpu, shares[entry.branch]) for entry in plans}
    table = Table(title=f"study {name}: {study.description}", title_justify="left")
    for column in ("method", "trials", "s a trial", "GPU", "searched"):
        table.add_column(column, justify="left" if column in ("method", "searched") else "right")
    for entry in plans:
        space = "\n".join(f"{key}: {words(span)}" for key, span in entry.space.items())
        counts = (str(entry.trials), f"{entry.seconds:.1f}", f"{shares[entry.branch]:g}")
        table.add_row(entry.branch, *counts, space or "nothing", end_section=True)
    console.OUT.print(table)
    console.OUT.print(f"Fixed: {', '.join(f'{key}={value}' for key, value in study.fixed.items()) or 'nothing'}.")
    _sum_up(study, plans, {entry.branch: shares[entry.branch] for entry in plans}, slots)


def _sum_up(study: Study, plans: list[BranchPlan], shares: Mapping[str, float], slots: Mapping[str, int]) -> None:
    """Print what all branches take together, each with its share of a GPU and so many trials at a time."""
    seconds = {entry.branch: entry.trials * entry.seconds for entry in plans}
    longest, total = sum(seconds[branch] / slots[branch] for branch in slots), sum(seconds.values())
    cost = sum(seconds[branch] / 3600 * study.hourly(share) for branch, share in shares.items())
    scaled = scale.words(study.scale)
    console.OUT.print(
        f"{sum(entry.trials for entry in plans)} trials of {study.resources.cpu:g} CPU and "
        f"{_between(shares.values())} GPU, {_between(slots.values())} at a time: at most about {_duration(longest)} "
        f"({_duration(total)} of trial time{f', which cost {cost:.2f}' if study.hourly(max(shares.values())) else ''}"
        f"{'' if study.early_stopping is None else '; early stopping saves some of it'}). "
        f"Chosen by {described(study.objectives)}, search {study.search}, data {', '.join(study.loaded.values())}"
        f"{scaled and f', {scaled}'}.",
        soft_wrap=True,
    )


def _shares(study: Study, data: Mapping[str, Dataset]) -> GpuShares:
    """What of a GPU trials get. Where that can be measured only once an autoscaler has brought one: whole ones."""
    shares = GpuShares(study)
    if shares.auto and gpu_nodes.to_come():
        console.ERR.print(
            "resources.gpu is auto: shares are measured at the start, on a node that has a GPU; here whole ones count",
            soft_wrap=True,
        )
        for branch in study.branches:
            shares.assign(branch, 1.0)
    elif shares.auto:
        Packing(study, data, shares).settle(study.branches, lambda: None)
    return shares


def _between(values: Iterable[float]) -> str:
    """The least and the greatest of them, or the one that there is."""
    least, *others = sorted(values)
    return f"{least:g} to {others[-1]:g}" if others and others[-1] > least else f"{least:g}"


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
    parser.add_argument(
        "study",
        help=f"a study that ships ({', '.join(studies.names())}), a table of a paper that "
        "one of them reproduces, such as hub_vae_supp_table_2, or the path of a YAML file",
    )
    console.add_settings(parser, "override the study's keys, such as trials=20 or fixed.epochs=50")
    parser.add_argument(
        "--scale", type=float, metavar="FRACTION", help="that share of the epochs, seeds and training rows"
    )
    parser.add_argument("--name", help="run it under another name, with records of its own")
    parser.add_argument(
        "--fresh", action="store_true", help="train also what another study in the results folder has trained already"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would run and about how long it would take")
    parser.add_argument("--address", help="Ray cluster to join, or auto (default: $RAY_ADDRESS, else this machine)")
    parser.add_argument("--tracking-uri", help="MLflow server (default: $MLFLOW_TRACKING_URI, else ./mlflow.db)")
    parser.add_argument(
        "--results",
        default=os.environ.get("LATENT_ORCHESTRA_RESULTS", "results"),
        help="folder of the records; in a cluster, one that all nodes share (default: $LATENT_ORCHESTRA_RESULTS, else "
        "./results)",
    )
    return parser


if __name__ == "__main__":
    console.run(main)
