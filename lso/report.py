"""A comparison of optimizers on disk and on the screen."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from lso.figure import figure
from lso.plan import Plan
from lso.summary import Runs, best_strings, summarize
from lso.task import Task
from methods.core.errors import BadInput

SUMMARY, CURVES, BEST, PLAN = "summary.json", "best_so_far.png", "best.png", "plan.json"


def write(plan: Plan, task: Task, runs: Sequence[Runs], folder: Path, *, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write the summary and the pictures, in place of earlier ones.

    Args:
        facts: of the decoder, the outcome and the versions, kept in the summary.

    Returns:
        The results by optimizer.

    Raises:
        BadInput: the folder cannot be written.
    """
    results = {one.optimizer: summarize(one, plan, maximize=task.maximize) for one in runs}
    best = best_strings(runs, maximize=task.maximize)
    shown = [{"string": string, "score": score, **task.properties(string)} for string, score in best]
    published = [entry.__dict__ for entry in task.published(plan.start)]
    whole = {**facts, "plan": plan.record(), "optimizers": results, "best": shown, "published": published}
    try:
        _replace(folder / SUMMARY, json.dumps(whole, indent=1))
        if runs:
            _draw(plan, task, runs, best, folder)
    except OSError as error:
        raise BadInput(f"cannot write the results to {folder}: {error.strerror or error}") from error
    return results


def table(plan: Plan, task: Task, results: Mapping[str, Any]) -> Table:
    """Results by optimizer, to be read on a screen, with what to compare them with below."""
    found = Table("optimizer", "knows", title=f"Best scores of {plan.task} ({plan.start} start)")
    found.caption = _caption(task, plan, results)
    marks = list(next(iter(results.values()))["best"]) if results else []
    for mark in marks:
        found.add_column(f"after {mark} calls", justify="right")
    for name in ("every seed", "valid", "new", "seconds"):
        found.add_column(name, justify="right")
    for name, result in results.items():
        means = [_mean(result["best"][mark]) for mark in marks]
        bests = zip(result["best"][marks[-1]]["per_seed"], result["winners"], strict=True)
        each = " ".join(_brief(value) + ("!" if task.doubt(winner) else "") for value, winner in bests)
        seconds = [value for value in result["seconds"] if value == value]
        took = f"{sum(seconds) / len(seconds):.1f}" if seconds else "-"
        shares = (f"{result['fraction_valid']:.3f}", f"{result['fraction_new']:.3f}")
        done = "" if len(result["seeds"]) == plan.seeds else f" ({len(result['seeds'])} seeds)"
        found.add_row(name + done, result["label"].replace("_", " "), *means, each, *shares, took)
    return found


def best_table(task: Task, runs: Sequence[Runs]) -> Table:
    """The best strings with their properties."""
    found = Table("score", "string", title="Best found")
    rows = [(string, score, task.properties(string)) for string, score in best_strings(runs, maximize=task.maximize)]
    for name in rows[0][2] if rows else ():
        found.add_column(name, justify="right")
    for string, score, properties in rows:
        found.add_row(_brief(score), string, *(_brief(value) for value in properties.values()))
    return found


def _caption(task: Task, plan: Plan, results: Mapping[str, Any]) -> str:
    """Results of others, what the marks of doubtful winners mean, and what others print of their searches."""
    others = [
        f"{entry.name} {entry.score:.3g}" + (f" ({entry.calls} calls)" if entry.calls else "")
        for entry in task.published(plan.start)
    ]
    winners = [winner for result in results.values() for winner in result["winners"]]
    doubts = sorted({doubt for doubt in map(task.doubt, winners) if doubt})
    notes = "; ".join([", ".join(others)] * bool(others) + [f"! {doubt}" for doubt in doubts])
    counted = "; ".join(f"{name} {_counted(result['gvae'])}" for name, result in results.items())
    return "\n".join([notes] * bool(notes) + [f"As Kusner et al. count, over all proposals: {counted}"])


def _counted(values: Mapping[str, Any]) -> str:
    spread = "" if values["average_sd"] is None else f" ± {values['average_sd']:.2f}"
    average = "" if values["average"] is None else f", average {values['average']:.2f}{spread}"
    best = " / ".join(f"{value:.3g}" for value in values["best_three"])
    return f"{values['fraction_valid']:.2f} valid{average}, best three {best or 'none'}"


def _draw(plan: Plan, task: Task, runs: Sequence[Runs], best: list[tuple[str, float]], folder: Path) -> None:
    title = f"{plan.task}, {plan.start} start, {plan.batch} calls an iteration"
    figure(runs, task.published(plan.start), title=title, maximize=task.maximize).savefig(folder / CURVES, dpi=120)
    drawn = task.figure(best)
    if drawn is not None:
        drawn.savefig(folder / BEST, dpi=120)


def _mean(values: Mapping[str, Any]) -> str:
    spread = "" if values["sd"] is None else f" ± {values['sd']:.3f}"
    return f"{values['mean']:.3f}{spread}"


def _brief(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(text)
    os.replace(draft, path)
