"""The table of what the search did for every method: its best configuration, trials by outcome, seconds."""

from __future__ import annotations

import dataclasses
import math
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.comparison.rows import Rows
from orchestrator.comparison.tables import MISSING, Cell, Column, Table
from orchestrator.records.runs import StudyRuns, TrialRun
from pipelines.trial import Trial

_OF_EVERY_TRIAL = [entry.name for entry in dataclasses.fields(Trial) if entry.name not in ("method", "hyper", "seed")]

_LONG = re.compile(r"\b\d+\.\d{4,}(e-?\d+)?\b")  # numbers in what settings were earlier

_COLUMNS = (
    Column("method", align="left"),
    Column("best configuration", "the settings that differ between trials, and the method's own", "wrap"),
    Column("tried", "configurations of the search, or the only one"),
    Column("stopped early", "by the scheduler"),
    Column("failed"),
    Column("s per run", "wall-clock seconds, median"),
)


def configurations(study: StudyRuns, shown: Rows, data: str = "") -> Table:
    """The configuration of every row that is `shown`, on `data` if that is said."""
    same = shared(study)
    rows = tuple(
        (Cell(row), *_cells(study.search(shown.arms[row]), trials, same)) for row, trials in shown.standing.items()
    )
    common = f"Equal in all trials: {_listed(same)}. " if same else ""
    caption = (
        f"{common}Numbers are rounded to four digits. Tried: configurations of the search. "
        "s per run: median wall-clock seconds of the runs in the table above, evaluation included."
    )
    return Table(f"Best configurations{data and f' on {data}'}", _COLUMNS, rows, caption)


def shared(study: StudyRuns) -> dict[str, str]:
    """Settings, other than a method's own, that are equal in all trials of the study."""
    found = {name: {trial.params.get(name) for trial in study.trials} for name in _OF_EVERY_TRIAL}
    return {name: only for name, values in found.items() if len(values) == 1 and (only := next(iter(values)))}


def _cells(tried: Sequence[TrialRun], trials: Sequence[TrialRun], same: Mapping[str, str]) -> Iterator[Cell]:
    hidden = {"method", "seed", *same}
    own = {name: value for name, value in trials[0].params.items() if name not in hidden} if trials else {}
    times = [trial.seconds for trial in trials if math.isfinite(trial.seconds)]
    cells = [
        _listed(own) or (MISSING if not trials else "nothing to choose"),
        str(len(tried) or len({trial.configuration for trial in trials})),
        str(sum(trial.stopped_early for trial in tried)),
        str(sum(trial.failed for trial in tried)),
        f"{statistics.median(times):.3g}" if times else MISSING,
    ]
    return map(Cell, cells)


def _listed(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={_rounded(settings[name])}" for name in sorted(settings))


def _rounded(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return _LONG.sub(lambda found: f"{float(found[0]):.4g}", value)
    return value if len(value) <= 6 else f"{number:.4g}"
