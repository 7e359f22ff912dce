"""A study's methods side by side, from MLflow alone."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow.artifacts
import yaml
from mlflow.exceptions import MlflowException

from methods.core.errors import BadInput
from orchestrator import reproduction, scale
from orchestrator.across import across
from orchestrator.configurations import configurations
from orchestrator.connection import answering
from orchestrator.paper import Paper
from orchestrator.runs import StudyRuns, read
from orchestrator.scores import Standing, available, chosen, described, scores, tested, values
from orchestrator.significance import summary
from orchestrator.tables import Table


@dataclass(frozen=True)
class Part:
    """What can be said of a study's arms on one data set.

    Attributes:
        data: its name.
        study: the trials on it.
        standing: the trials that stand for each arm, best arm first.
        replicated: whether they are replicates; if not, each arm's best search trial stands for it.
        scores: test metrics.
        configurations: what the search found.
    """

    data: str
    study: StudyRuns
    standing: Standing
    replicated: bool
    scores: Table
    configurations: Table


@dataclass(frozen=True)
class Comparison:
    """What can be said about a study's arms.

    Attributes:
        study: as it was read.
        parts: one for every data set.
        summaries: tables over all data sets, and a paper's tables beside ours.
        notes: one sentence for everything that is not as planned, or has to be known.
    """

    study: StudyRuns
    parts: tuple[Part, ...]
    summaries: tuple[Table, ...]
    notes: tuple[str, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """All there are, in the order in which they are read."""
        scores = [part.scores for part in self.parts]
        return (*scores, *self.summaries, *(part.configurations for part in self.parts))


def comparison(study: str, uri: str, metrics: Sequence[str] = ()) -> Comparison:
    """Compare the arms of the latest run of `study` in the MLflow store at `uri`.

    Args:
        study: its name.
        uri: of the store: a server, or an absolute path of a database.
        metrics: columns, such as `bce`; default: all there are.

    Raises:
        BadInput: no such store, study or metric, or no trial of the study has finished.
    """
    found = read(study, uri)
    return compared(found, metrics, paper=paper_of(found, uri))


def compared(runs: StudyRuns, metrics: Sequence[str] = (), *, paper: Paper | None = None) -> Comparison:
    """Compare the arms of a study that was read before; as `comparison`, with the `paper` that it reproduces."""
    if not runs.trials:
        raise BadInput(
            f"nothing to compare in {runs.name!r} yet: none of its trials has begun; let the study go on first"
        )
    several = len(runs.data) > 1
    parts, notes = [], _unfinished(runs)
    for data in runs.data:
        try:
            part, remarks = _part(runs.on(data), data, metrics, several=several)
        except BadInput as error:
            if not several or metrics:
                raise
            notes.append(str(error))
            continue
        parts.append(part)
        notes += [f"{data}: {remark}" if several else remark for remark in remarks]
    if not parts:
        raise BadInput(notes[-1])
    summaries = _summaries(parts, _measure(runs), paper, scale.mark(runs.scale))
    return Comparison(runs, tuple(parts), summaries, (*notes, *(reproduction.notes(paper) if paper else ())))


def paper_of(runs: StudyRuns, uri: str) -> Paper | None:
    """What the study reproduces, as its definition in MLflow says; None where it does not, or cannot be read.

    Raises:
        BadInput: the MLflow store at `uri` does not answer.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with answering(uri):
        try:
            found = mlflow.artifacts.download_artifacts(
                run_id=runs.parent_run_id, artifact_path="study.yaml", tracking_uri=uri
            )
        except (OSError, MlflowException):  # runs of earlier versions have none
            return None
    block = (yaml.safe_load(Path(found).read_text()) or {}).get("paper")
    return Paper.model_validate(block) if block else None


def _summaries(parts: Sequence[Part], metric: str, paper: Paper | None, mark: str) -> tuple[Table, ...]:
    standings = {part.data: part.standing for part in parts}
    overall = across(standings, metric, mark=mark)
    tables = [overall] if overall else []
    if paper is not None:
        tables += reproduction.beside(paper, standings, mark=mark)
        tables += [found] if (found := reproduction.claims(paper, standings, mark=mark)) else []
    return tuple(tables)


def _part(runs: StudyRuns, data: str, metrics: Sequence[str], *, several: bool) -> tuple[Part, list[str]]:
    """The comparison on one data set, and notes on it."""
    replicates = {arm: runs.replicates(arm) for arm in runs.arms}
    replicated = any(replicates.values())
    standing = _sorted(replicates if replicated else _best_of_search(runs), runs)
    names = chosen(standing, metrics, first=_measure(runs))
    caption = _caption(runs, standing) if replicated else _fallback_caption(runs)
    small = scale.words(runs.scale)
    title = f"{runs.name}{f' on {data}' if several else ''}: test metrics{small and f', {small}'}"
    part = Part(
        data=data,
        study=runs,
        standing=standing,
        replicated=replicated,
        scores=scores(standing, names, title, caption, mark=scale.mark(runs.scale)),
        configurations=configurations(runs, standing, data if several else ""),
    )
    return part, _notes(runs, standing, replicated) + _not_finite(standing, names)


def _best_of_search(runs: StudyRuns) -> Standing:
    best = {arm: runs.best_search(arm) for arm in runs.arms}
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
    if not replicated:
        first = f"no replicate of {runs.name} has finished yet ({len(runs.trials)} trials ran)"
        return [f"{first}: shown is each method's best search trial, n = 1, without marks"]
    return [note for method, trials in standing.items() if (note := _shortage(method, len(trials), runs))]


def _unfinished(runs: StudyRuns) -> list[str]:
    going = sum(not (trial.finished or trial.stopped_early or trial.failed) for trial in runs.trials)
    return [f"{going} of {len(runs.trials)} trials are still running or were interrupted"] if going else []


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
