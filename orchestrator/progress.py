"""How far a study is, shown while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from orchestrator import ledger
from orchestrator.ledger import Record
from orchestrator.schema import REPLICATE
from orchestrator.study import Study

_LINE_SECONDS = 10.0
_TABLE_SECONDS = 0.25


class Board:
    """Counts of trials by method and state, and the best value so far.

    Args:
        name: of the study.
        study: its definition.
        console: where to show it.
        records: of the trials of earlier starts.
    """

    def __init__(self, name: str, study: Study, *, console: Console, records: Iterable[Record] = ()) -> None:
        self._name, self._study, self._console = name, study, console
        self._records = {record.identity: record for record in records}
        self._searched = {method: study.configurations(method) for method in study.method_names}
        self._start = self._shown = time.monotonic()
        self._before = self._ended
        self._live = Live(console=console, refresh_per_second=4, transient=False) if console.is_terminal else None

    def __enter__(self) -> Board:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.update(self.table())
            self._live.stop()
        else:
            self.say(self._summary())

    def update(self, record: Record) -> None:
        """A trial's record changed."""
        self._records[record.identity] = record

    def say(self, sentence: str) -> None:
        """Print something that happened."""
        self._console.print(sentence, markup=False, soft_wrap=True)

    def show(self) -> None:
        """Refresh what is shown, at most as often as is useful."""
        if time.monotonic() - self._shown < (_TABLE_SECONDS if self._live else _LINE_SECONDS):
            return
        self._shown = time.monotonic()
        if self._live:
            self._live.update(self.table())
        else:
            self.say(self._summary())

    def table(self) -> Table:
        """Methods by state."""
        table = Table(title=self._summary(), title_justify="left", title_style="bold")
        for column in ("method", "searched", "replicated", "running", "stopped early", "failed"):
            table.add_column(column, justify="left" if column == "method" else "right")
        table.add_column(f"best {self._study.metric}", justify="right")
        for method in self._study.method_names:
            table.add_row(*self._row(method))
        return table

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
            f"{searched}/{self._searched[method]}",
            f"{replicated}/{self._study.seeds}",
            str(states[ledger.RUNNING] or ""),
            str(states[ledger.STOPPED] or ""),
            str(states[ledger.FAILED] or ""),
            "" if best is None else f"{best:.4g}",
        ]

    def _summary(self) -> str:
        ended, elapsed = self._ended, time.monotonic() - self._start
        planned = sum(map(self._planned, self._study.method_names))
        rate = (ended - self._before) / elapsed if elapsed > 0 else 0
        left = f", about {_clock((planned - ended) / rate)} left" if rate and ended < planned else ""
        return f"study {self._name}: {ended} of {planned} trials, {_clock(elapsed)} so far{left}"

    @property
    def _ended(self) -> int:
        return sum(record.status != ledger.RUNNING for record in self._records.values())

    def _planned(self, method: str) -> int:
        """How many trials there will be; no replicates where no configuration has finished."""
        records = [record for record in self._records.values() if record.settings["method"] == method]
        ended = sum(record.status != ledger.RUNNING for record in records)
        hopeless = ended >= self._searched[method] and not any(record.status == ledger.FINISHED for record in records)
        return self._searched[method] + (0 if hopeless else self._study.seeds)


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
