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
from orchestrator.comparison import reproduction
from orchestrator.comparison.across import across
from orchestrator.comparison.configurations import configurations
from orchestrator.comparison.importance import importance
from orchestrator.comparison.pareto import pareto
from orchestrator.comparison.rows import Rows, main_metric, rows
from orchestrator.comparison.scores import Standing, available, chosen, described, scores, tested, values
from orchestrator.comparison.tables import Table
from orchestrator.definition import scale
from orchestrator.definition.objectives import described as described_objectives
from orchestrator.definition.paper import Paper
from orchestrator.records.connection import answering
from orchestrator.records.runs import StudyRuns, read


@dataclass(frozen=True)
class Part:
    """What can be said of a study's arms on one data set.

    Attributes:
        data: its name.
        study: the trials on it.
        rows: which trials stand for each arm, best arm first.
        scores: test metrics.
        front: what no other configuration beats, where the study has several metrics.
        configurations: what the search found.
        importance: of settings, where there are enough trials.
    """

    data: str
    study: StudyRuns
    rows: Rows
    scores: Table
    front: Table | None
    configurations: Table
    importance: Table | None

    @property
    def standing(self) -> Standing:
        """The trials of each row."""
        return self.rows.standing


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
        scores = [table for part in self.parts for table in (part.scores, part.front) if table]
        return (*scores, *self.summaries, *(part.configurations for part in self.parts))

    @property
    def importances(self) -> tuple[Table, ...]:
        """Which settings matter, for those who ask."""
        return tuple(part.importance for part in self.parts if part.importance)


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
    summaries = _summaries(parts, runs, paper, scale.mark(runs.scale))
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


def _summaries(parts: Sequence[Part], runs: StudyRuns, paper: Paper | None, mark: str) -> tuple[Table, ...]:
    standings = {part.data: part.standing for part in parts}
    # Configurations of a front are others on every data set.
    overall = across(standings, main_metric(runs), mark=mark) if len(runs.objectives) == 1 else None
    tables = [overall] if overall else []
    if paper is not None:
        tables += reproduction.beside(paper, standings, mark=mark)
        tables += [found] if (found := reproduction.claims(paper, standings, mark=mark)) else []
    return tuple(tables)


def _part(runs: StudyRuns, data: str, metrics: Sequence[str], *, several: bool) -> tuple[Part, list[str]]:
    """The comparison on one data set, and notes on it."""
    found = rows(runs)
    names = chosen(found.standing, metrics, first=main_metric(runs))
    caption = _caption(runs, found.standing) if found.replicated else _fallback_caption(runs)
    small, mark, on = scale.words(runs.scale), scale.mark(runs.scale), f" on {data}" if several else ""
    part = Part(
        data=data,
        study=runs,
        rows=found,
        scores=scores(
            found.standing, names, f"{runs.name}{on}: test metrics{small and f', {small}'}", caption, mark=mark
        ),
        front=pareto(runs, found, f"{runs.name}{on}: Pareto front", mark=mark),
        configurations=configurations(runs, found, data if several else ""),
        importance=importance(runs, list(dict.fromkeys(found.arms.values())), data if several else ""),
    )
    return part, _notes(runs, found) + _not_finite(found.standing, names)


def _caption(runs: StudyRuns, standing: Standing) -> str:
    counts = sorted({len(trials) for trials in standing.values()})
    seeds = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    return (
        f"Mean ± standard deviation (n - 1) over replicates ({seeds} seeds) of each method's {_best(runs)}. "
        f"Replicates have fresh seeds that the search did not use. {tested()}{_order(runs, standing)}"
    )


def _best(runs: StudyRuns) -> str:
    """What of an arm is shown."""
    if len(runs.objectives) == 1:
        return f"best configuration by {runs.metric}"
    return f"configurations on its Pareto front of {described_objectives(runs.objectives)}, at most {runs.front}"


def _fallback_caption(runs: StudyRuns) -> str:
    return (
        f"No replicate has finished: one search trial (n = 1), whose seed is that of the search, of each method's "
        f"{_best(runs)}. One run allows no test, so nothing is marked."
    )


def _order(runs: StudyRuns, standing: Standing) -> str:
    metric = main_metric(runs)
    sorted_by = metric in available(standing) and len(runs.objectives) == 1
    return f" Rows are sorted by test/{metric}." if sorted_by else ""


def _notes(runs: StudyRuns, found: Rows) -> list[str]:
    if not found.replicated:
        first = f"no replicate of {runs.name} has finished yet ({len(runs.trials)} trials ran)"
        return [f"{first}: shown is each method's best search trial, n = 1, without marks"]
    return [note for row, trials in found.standing.items() if (note := _shortage(row, len(trials), runs))]


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
