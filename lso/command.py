"""One comparison of optimizers, from a plan to its files. What is kept elsewhere is up to the caller."""

from __future__ import annotations

import importlib.metadata
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lso import campaign, report, tasks
from lso.live import live
from lso.plan import Plan
from lso.record import CSV, Record
from lso.summary import Runs, collect, metrics
from lso.task import Task
from lso.workers import Starter
from methods.core.errors import BadInput
from pipelines import artifact, console

_LIBRARIES = ("rdkit", "selfies", "cma", "scipy")


@dataclass(frozen=True)
class Result:
    """What a comparison left behind.

    Attributes:
        plan: what was run.
        folder: its files.
        outcome: `finished` or `interrupted`.
        seconds: it took.
        metrics: means, for a record.
        history: mean best scores by calls, for a record.
        decoders: folders of the decoders.
    """

    plan: Plan
    folder: Path
    outcome: str
    seconds: float
    metrics: dict[str, float]
    history: list[tuple[int, dict[str, float]]]
    decoders: list[str]


def execute(
    plan: Plan, folder: Path, *, resume: bool, decoder: Mapping[str, Any], start: Starter | None = None
) -> Result:
    """Run a plan and write its files.

    Args:
        folder: for the results; with `resume` it holds those of an earlier start of the same plan.
        decoder: what is known of the decoder, for the summary.
        start: where seeds run; by default on the cores of this machine.

    Raises:
        BadInput: the folder holds something else, or a run failed; what was evaluated is kept.
    """
    task = tasks.build(plan.task, plan.settings)
    _claim(plan, folder, resume=resume)
    record = Record(folder, earlier=resume and (folder / CSV).is_file())
    began = time.monotonic()
    try:
        with live(plan, maximize=task.maximize) as show:
            outcome = campaign.run(plan, record, show, start=start)
    except BadInput as error:
        if record.rows:
            raise BadInput(f"{error}; what was evaluated is kept in {folder}, and --resume goes on from it") from error
        raise
    finally:
        record.close()
    seconds = round(time.monotonic() - began, 1)
    runs = collect(plan, record.rows, outcome.finished, maximize=task.maximize)
    state = "interrupted" if outcome.interrupted else "finished"
    starts = {str(run.seed): dict(run.start) for run in outcome.finished}
    facts = {
        "task": plan.task,
        "outcome": state,
        "seconds": seconds,
        "decoder": dict(decoder),
        "starts": starts,
        "versions": versions(),
    }
    results = report.write(plan, task, runs, folder, facts=facts)
    further = ": the same command with --resume goes on" if outcome.interrupted else ""
    _print(plan, task, runs, results, f"{state} after {seconds} s, results in {folder}{further}")
    if not record.rows and not outcome.interrupted:
        raise BadInput(
            f"nothing was scored: the decoder writes nothing that the task {task.name} can read, or only what was known"
        )
    found = metrics(task.name, results, plan)
    folders = sorted({entry["decoder"] for entry in starts.values() if entry["decoder"]})
    return Result(plan, folder, state, seconds, found, _history(task, runs), folders)


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    found = artifact.versions()
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _claim(plan: Plan, folder: Path, *, resume: bool) -> None:
    """Write the plan into the folder, or see that the folder's plan is this one."""
    path = folder / report.PLAN
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file: choose another folder with --out")
    if path.is_file() and resume:
        _same(plan, folder, json.loads(path.read_text()))
    elif path.is_file() and _evaluated(folder):
        raise BadInput(f"{folder} holds results already: go on with --resume, or choose another folder with --out")
    elif not path.is_file() and folder.is_dir() and any(folder.iterdir()):
        raise BadInput(f"{folder} holds other files: choose another folder with --out")
    elif resume:
        raise BadInput(f"nothing to resume: there is no {path}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(plan.record(), indent=1))
    except OSError as error:
        raise BadInput(f"cannot write to {folder}: {error.strerror or error}") from error


def _evaluated(folder: Path) -> bool:
    """Whether there is more than the head of a table: a start that came to nothing leaves no more."""
    path = folder / CSV
    return path.is_file() and path.read_bytes().count(b"\n") > 1


def _same(plan: Plan, folder: Path, before: dict[str, Any]) -> None:
    now = plan.record()
    other = [name for name in now if now[name] != before.get(name)]
    if other:
        changed = ", ".join(f"{name} was {before.get(name)} and is {now[name]}" for name in other)
        raise BadInput(f"{folder} holds another comparison ({changed}): choose another folder with --out")


def _print(plan: Plan, task: Task, runs: list[Runs], results: dict[str, Any], end: str) -> None:
    if runs:
        console.OUT.print(report.table(plan, task, results))
        console.OUT.print(report.best_table(task, runs))
    console.OUT.print(end, soft_wrap=True)


def _history(task: Task, runs: list[Runs]) -> list[tuple[int, dict[str, float]]]:
    """At about a hundred numbers of calls."""
    if not runs:
        return []
    length = runs[0].curves.shape[1]
    marks = sorted({*range(max(1, length // 100), length + 1, max(1, length // 100)), length})
    name = f"lso/{task.name}"
    return [(mark, {f"{name}/{one.optimizer}/curve": float(one.bests(mark).mean()) for one in runs}) for mark in marks]
