"""A study's methods side by side, from MLflow alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from methods.core.errors import BadInput
from orchestrator.configurations import configurations
from orchestrator.runs import StudyRuns, read
from orchestrator.scores import Standing, available, chosen, described, scores, tested, values
from orchestrator.significance import summary
from orchestrator.tables import Table


@dataclass(frozen=True)
class Comparison:
    """What can be said about a study's methods.

    Attributes:
        study: as it was read.
        standing: the trials that stand for each method, best method first.
        replicated: whether they are replicates; if not, each method's best search trial stands for it.
        scores: test metrics.
        configurations: what the search found.
        notes: one sentence for everything that is not as planned.
    """

    study: StudyRuns
    standing: Standing
    replicated: bool
    scores: Table
    configurations: Table
    notes: tuple[str, ...]


def comparison(study: str, uri: str, metrics: Sequence[str] = ()) -> Comparison:
    """Compare the methods of the latest run of `study` in the MLflow store at `uri`.

    Args:
        study: its name.
        uri: of the store: a server, or an absolute path of a database.
        metrics: columns, such as `bce`; default: all there are.

    Raises:
        BadInput: no such store, study or metric, or no trial of the study has finished.
    """
    return compared(read(study, uri), metrics)


def compared(runs: StudyRuns, metrics: Sequence[str] = ()) -> Comparison:
    """Compare the methods of a study that was read before; as `comparison`."""
    replicates = {method: runs.replicates(method) for method in runs.methods}
    replicated = any(replicates.values())
    standing = _sorted(replicates if replicated else _best_of_search(runs), runs)
    names = chosen(standing, metrics, first=_measure(runs))
    caption = _caption(runs, standing) if replicated else _fallback_caption(runs)
    return Comparison(
        study=runs,
        standing=standing,
        replicated=replicated,
        scores=scores(standing, names, f"{runs.name}: test metrics", caption),
        configurations=configurations(runs, standing),
        notes=tuple(_notes(runs, standing, replicated) + _not_finite(standing, names)),
    )


def _best_of_search(runs: StudyRuns) -> Standing:
    best = {method: runs.best_search(method) for method in runs.methods}
    standing = {method: [trial] if trial else [] for method, trial in best.items()}
    if not available(standing):
        failed = sum(trial.failed for trial in runs.trials)
        stopped = sum(trial.stopped_early for trial in runs.trials)
        raise BadInput(
            f"nothing to compare in {runs.name!r} yet: none of its {len(runs.trials)} trials has finished "
            f"({failed} failed, {stopped} stopped early); let the study go on first"
        )
    return standing


def _sorted(standing: Standing, runs: StudyRuns) -> Standing:
    metric = _measure(runs)
    sign = 1 if runs.mode == "max" else -1

    def place(method: str) -> tuple[bool, float, str]:
        mean = summary(values(standing[method], metric)).mean
        return math.isnan(mean), -sign * mean if math.isfinite(mean) else 0.0, method

    return {method: standing[method] for method in sorted(standing, key=place)}


def _measure(runs: StudyRuns) -> str:
    """The study's metric without its split."""
    return runs.metric.partition("/")[2]


def _caption(runs: StudyRuns, standing: Standing) -> str:
    counts = sorted({len(trials) for trials in standing.values()})
    seeds = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    return (
        f"Mean ± standard deviation (n - 1) over replicates ({seeds} seeds) of each method's best configuration by "
        f"{runs.metric}. Replicates have fresh seeds that the search did not use. {tested()}{_order(runs, standing)}"
    )


def _fallback_caption(runs: StudyRuns) -> str:
    return (
        f"No replicate has finished: each method's best search trial by {runs.metric} (n = 1), whose seed is that of "
        "the search. One run a method allows no test, so nothing is marked."
    )


def _order(runs: StudyRuns, standing: Standing) -> str:
    metric = _measure(runs)
    return f" Rows are sorted by test/{metric}." if metric in available(standing) else ""


def _notes(runs: StudyRuns, standing: Standing, replicated: bool) -> list[str]:
    going = sum(not (trial.finished or trial.stopped_early or trial.failed) for trial in runs.trials)
    notes = [f"{going} of {len(runs.trials)} trials are still running or were interrupted"] if going else []
    if not replicated:
        first = f"no replicate of {runs.name} has finished yet ({len(runs.trials)} trials ran)"
        return [f"{first}: shown is each method's best search trial, n = 1, without marks", *notes]
    return notes + [note for method, trials in standing.items() if (note := _shortage(method, len(trials), runs))]


def _shortage(method: str, replicates: int, runs: StudyRuns) -> str:
    enough = max(runs.planned or 2, 2)
    if replicates >= enough:
        return ""
    of = f" of {runs.planned} planned" if runs.planned else ""
    consequence = "; with fewer than 2 nothing can be tested against it" if replicates < 2 else ""
    noun = "replicate" if replicates == 1 else "replicates"
    return f"{method} has {replicates} finished {noun}{of}{consequence}"


def _not_finite(standing: Standing, metrics: Sequence[str]) -> list[str]:
    notes = []
    for method, trials in standing.items():
        for metric in metrics:
            bad = sum(not math.isfinite(value) for value in values(trials, metric))
            if bad:
                tail = ": no mark in this column" if described(metric).higher_is_better is not None else ""
                notes.append(f"test/{metric} of {method} is not finite in {bad} of {len(trials)} runs{tail}")
    return notes
