"""A comparison of optimizers in numbers: the best scores of every run, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lso.gvae_statistics import gvae_statistics
from lso.plan import Plan
from lso.record import Row, Rows
from lso.worker import Finished

MARK = 250
"""Calls after which results are compared, beside the budget."""

_RESAMPLES = 2000

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class Runs:
    """All runs of an optimizer.

    Attributes:
        optimizer: its name.
        label: what it knew.
        seeds: of the runs.
        curves: best score after 1, 2, ... calls; one that ended early keeps its last.
        rows: of the runs.
        seconds: that each took; NaN where it is not over.
    """

    optimizer: str
    label: str
    seeds: Sequence[int]
    curves: Curve
    rows: Sequence[Sequence[Row]]
    seconds: Sequence[float]

    def bests(self, calls: int) -> Curve:
        """The best score of every run after so many calls."""
        return self.curves[:, min(calls, self.curves.shape[1]) - 1]

    def winners(self, *, maximize: bool) -> list[str]:
        """The string of every run's best score."""
        sign = -1 if maximize else 1
        return [
            min((row for row in rows if row.new), key=lambda row: sign * (row.score or 0)).string for rows in self.rows
        ]


def collect(plan: Plan, rows: Rows, finished: Sequence[Finished], *, maximize: bool) -> list[Runs]:
    """The runs of a plan by optimizer, in the plan's order; those without a single call are left out."""
    over = {(run.optimizer, run.seed): run for run in finished}
    found = []
    for name in plan.optimizers:
        seeds = [seed for seed in range(plan.seeds) if any(row.new for row in rows.get((name, seed), []))]
        if not seeds:
            continue
        own = [rows[name, seed] for seed in seeds]
        labels = {over[name, seed].label for seed in seeds if (name, seed) in over}
        curves = np.stack([curve(run, plan.budget, maximize=maximize) for run in own])
        seconds = [over[name, seed].seconds if (name, seed) in over else float("nan") for seed in seeds]
        found.append(Runs(name, min(labels, default=plan.knowledge), seeds, curves, own, seconds))
    return found


def curve(rows: Sequence[Row], budget: int, *, maximize: bool) -> Curve:
    """Best score after 1, 2, ... `budget` calls."""
    scores = np.array([row.score for row in rows if row.new], dtype=np.float64)[:budget]
    best = np.maximum.accumulate(scores) if maximize else np.minimum.accumulate(scores)
    return np.concatenate([best, np.full(budget - len(best), best[-1])])


def summarize(runs: Runs, plan: Plan, *, maximize: bool) -> dict[str, Any]:
    """An optimizer's results, as plain values."""
    marks = sorted({min(MARK, plan.budget), plan.budget})
    last = [rows[-1] for rows in runs.rows]
    return {
        "label": runs.label,
        "seeds": list(runs.seeds),
        "best": {str(mark): statistics(runs.bests(mark)) for mark in marks},
        "gvae": gvae_statistics(runs.rows, plan.budget, maximize=maximize),
        "winners": runs.winners(maximize=maximize),
        "calls": [row.unique_calls for row in last],
        "proposals": [row.proposals for row in last],
        "fraction_valid": float(np.mean([row.valid_calls / row.proposals for row in last])),
        "fraction_new": float(np.mean([row.unique_calls / row.proposals for row in last])),
        "seconds": [round(value, 1) for value in runs.seconds],
    }


def statistics(values: Curve) -> dict[str, Any]:
    """Of the best scores of every run: these, mean, standard deviation, and a 95 % interval of the mean."""
    low, high = interval(values[:, None])
    return {
        "per_seed": [float(value) for value in values],
        "mean": float(values.mean()),
        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
        "interval": [float(low[0]), float(high[0])],
    }


def interval(curves: Curve) -> tuple[Curve, Curve]:
    """A 95 % interval of the mean over runs by the percentile bootstrap, for every column.

    Best scores lie on few plateaus, so that a normal approximation would reach below the optimum.
    """
    random = np.random.default_rng(0)
    weights = random.multinomial(len(curves), np.full(len(curves), 1 / len(curves)), _RESAMPLES) / len(curves)
    return tuple(np.quantile(weights @ curves, (0.025, 0.975), axis=0))


def metrics(task: str, results: Mapping[str, Any], plan: Plan) -> dict[str, float]:
    """Means for a record, flat: `lso/<task>/best` of the first optimizer, and `lso/<task>/<optimizer>/best_<calls>`."""
    found = {}
    for name, result in results.items():
        for calls, values in result["best"].items():
            found[f"lso/{task}/{name}/best_{calls}"] = values["mean"]
        found[f"lso/{task}/{name}/fraction_valid"] = result["fraction_valid"]
        found[f"lso/{task}/{name}/fraction_new"] = result["fraction_new"]
    if plan.optimizers[0] in results:
        found[f"lso/{task}/best"] = results[plan.optimizers[0]]["best"][str(plan.budget)]["mean"]
    return found


def best_strings(runs: Sequence[Runs], *, maximize: bool, count: int = 6) -> list[tuple[str, float]]:
    """The best strings of all runs with their scores, one for every score."""
    scores: dict[float, str] = {}
    for row in (row for one in runs for rows in one.rows for row in rows if row.new):
        scores.setdefault(round(float(row.score or 0), 7), row.string)
    order = sorted(scores, reverse=maximize)[:count]
    return [(scores[value], value) for value in order]
