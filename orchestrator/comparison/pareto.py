"""The Pareto front of a study with several metrics: the table of what no other configuration of any method beats."""

from __future__ import annotations

from orchestrator.comparison.rows import Rows
from orchestrator.comparison.scores import decimals, text
from orchestrator.comparison.significance import Summary, summary
from orchestrator.comparison.tables import Cell, Column, Table
from orchestrator.definition import objectives
from orchestrator.records.runs import StudyRuns


def pareto(runs: StudyRuns, rows: Rows, title: str, *, mark: str = "") -> Table | None:
    """The rows whose means of the study's metrics no other row's means beat. None for a study with one metric.

    Args:
        runs: the study on one data set.
        rows: its rows.
        title: of the table.
        mark: stands behind every number, as `scale.mark` has it.
    """
    if len(runs.objectives) == 1:
        return None
    found = {row: _summaries(runs, rows, row) for row in rows.standing}
    means = {row: [each.mean for each in summaries] for row, summaries in found.items()}
    able = {row: values for row, values in means.items() if objectives.finite(values) is not None}
    kept = objectives.front(able, runs.objectives) if able else []
    digits = [decimals([found[row][place] for row in able]) for place in range(len(runs.objectives))]
    columns = [Column(f"{each.metric} {'↑' if each.mode == 'max' else '↓'}") for each in runs.objectives]
    lines = tuple(
        (Cell(row), *(Cell(text(each, digit) + mark) for each, digit in zip(found[row], digits, strict=True)))
        for row in kept
    )
    over = "mean ± standard deviation over replicates" if rows.replicated else "search trials, without replicates"
    caption = (
        f"{len(kept)} of {len(able)} configurations: each of the others is beaten by one of these in a metric and "
        f"better in none, by their means ({over}). A number behind a method's name counts the "
        "configurations on its own front."
    )
    return Table(title, (Column("method", align="left"), *columns), lines, caption)


def _summaries(runs: StudyRuns, rows: Rows, row: str) -> list[Summary]:
    trials = rows.standing[row]
    return [
        summary([trial.metrics[each.metric] for trial in trials if each.metric in trial.metrics])
        if trials
        else summary([float("nan")])
        for each in runs.objectives
    ]
