"""The table of test metrics: every method, every metric, and what is significantly best."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

from methods.core.errors import unknown
from orchestrator.comparison.significance import LEVEL, Summary, bootstrap, clearly_best, summary
from orchestrator.comparison.tables import MISSING, Cell, Column, Table
from orchestrator.definition import optimization
from orchestrator.records.runs import TrialRun
from pipelines.metrics.metric import METRICS, Metric

Standing = Mapping[str, Sequence[TrialRun]]
"""The trials that stand for each method, in the order of the rows."""

_SPLIT = "test/"
_ON_DEMAND = {"reconstruction", "bce_mean", "mse_mean"}
"""Close relatives of bce and mse: shown where they are asked for."""


def available(standing: Standing) -> list[str]:
    """Metrics that any method has on the test split, in the order of `METRICS`, others after them."""
    logged = {name for trials in standing.values() for trial in trials for name in trial.metrics}
    found = {name.removeprefix(_SPLIT) for name in logged if name.startswith(_SPLIT)}
    return [name for name in METRICS if name in found] + sorted(found - set(METRICS))


def chosen(standing: Standing, wanted: Sequence[str], first: str) -> list[str]:
    """The metrics `wanted`, with or without `test/`; where none is named the usual ones, `first` first.

    Raises:
        BadInput: a metric that no method has.
    """
    known = available(standing)
    names = [name.strip().removeprefix(_SPLIT) for name in wanted]
    for name in names:
        if name not in known:
            raise unknown("test metric", name, known)
    return names or sorted(
        set(known) - _ON_DEMAND | {first} & set(known), key=lambda name: (name != first, known.index(name))
    )


def scores(standing: Standing, metrics: Sequence[str], title: str, caption: str, *, mark: str = "") -> Table:
    """Methods by metrics, mean ± standard deviation, and the interval of the first metric.

    Args:
        standing: trials by method.
        metrics: columns.
        title: of the table.
        caption: says over what; the rest of it is added here.
        mark: stands behind every number, as `scale.mark` has it.
    """
    found = [_column(standing, metric, mark) for metric in metrics]
    intervals = _intervals(standing, metrics[0], mark) if metrics else {}
    columns = [Column("method", align="left"), Column("n", "finished runs"), *map(_heading, metrics)]
    rows = [
        [Cell(method), Cell(str(len(trials))), *(cells[method] for cells in found)]
        for method, trials in standing.items()
    ]
    if intervals:
        columns.insert(3, Column(f"{metrics[0]} 95%", "bootstrap interval of the mean over seeds"))
        for row, interval in zip(rows, intervals.values(), strict=True):
            row.insert(3, Cell(interval))
        caption += f" 95%: interval of the mean of {metrics[0]}, percentile bootstrap over seeds; narrow with few."
    return Table(title, tuple(columns), tuple(map(tuple, rows)), f"{caption} {_legend(metrics)}")


def values(trials: Sequence[TrialRun], metric: str) -> list[float]:
    """A test metric of those trials that have it."""
    return [trial.metrics[_SPLIT + metric] for trial in trials if _SPLIT + metric in trial.metrics]


def described(metric: str) -> Metric:
    """What is known about a metric; of one that nobody described nothing, so it is never marked."""
    return METRICS.get(metric) or optimization.described(metric) or Metric(metric, "", None, "")


def _intervals(standing: Standing, metric: str, mark: str) -> dict[str, str]:
    """The interval of every method, as text; none where no method has two runs."""
    found = {method: bootstrap(values(trials, metric)) for method, trials in standing.items()}
    if all(math.isnan(low) for low, _ in found.values()):
        return {}
    digits = decimals([summary(values(trials, metric)) for trials in standing.values()])
    return {method: interval_text(pair, digits, mark) for method, pair in found.items()}


def interval_text(pair: tuple[float, float], digits: int, mark: str = "") -> str:
    """An interval in a table."""
    low, high = pair
    return MISSING if math.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}{mark}"


def _column(standing: Standing, metric: str, mark: str) -> dict[str, Cell]:
    samples = {method: values(trials, metric) for method, trials in standing.items()}
    measured = {method: sample for method, sample in samples.items() if sample}
    higher = described(metric).higher_is_better
    best = None if higher is None else clearly_best(measured, higher)
    summaries = {method: summary(sample) for method, sample in measured.items()}
    digits = decimals(list(summaries.values()))
    return {
        method: Cell(text(summaries[method], digits) + mark, method == best) if method in summaries else Cell(MISSING)
        for method in standing
    }


def text(found: Summary, digits: int) -> str:
    """Mean and standard deviation in a table."""
    mean = f"{found.mean:.{digits}f}"
    return mean if math.isnan(found.sd) else f"{mean} ± {found.sd:.{digits}f}"


def decimals(column: Sequence[Summary]) -> int:
    """So many that the typical standard deviation has two digits; without any, that the largest mean has four."""
    spreads = [found.sd for found in column if found.sd > 0]
    if spreads:
        return _clamped(1 - math.floor(math.log10(statistics.median(spreads))))
    largest = max((abs(found.mean) for found in column if math.isfinite(found.mean)), default=0.0)
    return _clamped(3 - math.floor(math.log10(largest))) if largest > 0 else 0


def _clamped(decimals: int) -> int:
    return min(max(decimals, 0), 4)


def _heading(metric: str) -> Column:
    about = described(metric)
    arrow = {True: " ↑", False: " ↓", None: ""}[about.higher_is_better]
    unit = f" ({about.unit})" if about.unit else ""
    return Column(f"{metric}{arrow}", f"{about.description}{unit}")


def _legend(metrics: Sequence[str]) -> str:
    by_unit: dict[str, list[str]] = {}
    for metric in metrics:
        by_unit.setdefault(described(metric).unit, []).append(metric)
    units = "; ".join(f"{', '.join(names)} in {unit}" for unit, names in by_unit.items() if unit)
    arrows = "↑ higher is better, ↓ lower is better; without an arrow neither is, and nothing is marked."
    return f"{arrows} Units: {units}." if units else arrows


def tested() -> str:
    """What a mark means, for captions."""
    return (
        "Marked (bold, * in plain text): significantly better than every other method that has the metric; Welch's "
        "t-test, two-sided, p-values corrected by Holm over the comparisons of the best with the others in the "
        f"column, level {LEVEL:g}."
    )
