"""How far a study is, shown while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections import Counter

from rich.console import Console
from rich.live import Live
from rich.table import Table

from orchestrator import ledger
from orchestrator.ledger import Record
from orchestrator.schema import REPLICATE
from orchestrator.study import Study

_LINE_SECONDS = 10.0


class Board:
    """Counts of trials by method and state, and the best value so far.

    Args:
        name: of the study.
        study: its definition.
        console: where to show it.
    """

    def __init__(self, name: str, study: Study, console: Console) -> None:
        self._name, self._study, self._console = name, study, console
        self._records: dict[str, Record] = {}
        self._start = self._line = time.monotonic()
        self._before = 0
        self._live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None

    def __enter__(self) -> Board:
        self._before = sum(record.status != ledger.RUNNING for record in self._records.values())
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.update(self.table())
            self._live.stop()
        else:
            self._console.print(self._summary(), soft_wrap=True)

    def update(self, record: Record) -> None:
        """A trial's record changed."""
        self._records[record.identity] = record

    def show(self) -> None:
        """Refresh what is shown, at most as often as is useful."""
        if self._live:
            self._live.update(self.table())
        elif time.monotonic() - self._line > _LINE_SECONDS:
            self._line = time.monotonic()
            self._console.print(self._summary(), soft_wrap=True)

    def table(self) -> Table:
        """Methods by state."""
        table = Table(title=self._summary(), title_justify="left", title_style="bold")
        for column in ("method", "searched", "replicated", "running", "stopped early", "failed"):
            table.add_column(column, justify="left" if column == "method" else "right")
        table.add_column(f"best {self._study.metric}", justify="right")
        for method in self._study.method_names:
            table.add_row(*self._row(method))
        return table

    @property
    def failures(self) -> list[Record]:
        return [record for record in self._records.values() if record.status == ledger.FAILED]

    def _row(self, method: str) -> list[str]:
        records = [record for record in self._records.values() if record.settings["method"] == method]
        states = Counter(record.status for record in records)
        replicated = sum(record.role == REPLICATE and record.status == ledger.FINISHED for record in records)
        values = [record.value(self._study.metric) for record in records if record.status == ledger.FINISHED]
        finite = [value for value in values if value is not None and math.isfinite(value)]
        best = (max if self._study.mode == "max" else min)(finite, default=None)
        searched = sum(record.role != REPLICATE and record.status != ledger.RUNNING for record in records)
        return [
            method,
            f"{searched}/{self._study.trials}" if self._study.ranges(method) else f"{searched}/1",
            f"{replicated}/{self._study.seeds}",
            str(states[ledger.RUNNING] or ""),
            str(states[ledger.STOPPED] or ""),
            str(states[ledger.FAILED] or ""),
            "" if best is None else f"{best:.4g}",
        ]

    def _summary(self) -> str:
        ended = sum(record.status != ledger.RUNNING for record in self._records.values())
        planned = max(self._planned, ended)
        elapsed = time.monotonic() - self._start
        rate = (ended - self._before) / elapsed if elapsed > 0 else 0
        left = f", about {_clock((planned - ended) / rate)} left" if rate and ended < planned else ""
        return f"study {self._name}: {ended} of {planned} trials, {_clock(elapsed)} so far{left}"

    @property
    def _planned(self) -> int:
        searched = sum(self._study.trials if self._study.ranges(name) else 1 for name in self._study.method_names)
        return searched + self._study.seeds * len(self._study.method_names)


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
