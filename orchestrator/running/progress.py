"""How far a study is, shown while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from orchestrator.definition.study import Study
from orchestrator.records.ledger import Record
from orchestrator.running.standing import Standing, clock, configurations, standing

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
        self._searched = configurations(study)
        self._start = self._shown = time.monotonic()
        self._before = self._standing().ended
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
        now = self._standing()
        return now.table(self._title(now))

    def _summary(self) -> str:
        return self._title(self._standing())

    def _title(self, now: Standing) -> str:
        ended, planned, elapsed = now.ended, now.planned, time.monotonic() - self._start
        rate = (ended - self._before) / elapsed if elapsed > 0 else 0
        left = f", about {clock((planned - ended) / rate)} left" if rate and ended < planned else ""
        return f"study {self._name}: {ended} of {planned} trials, {clock(elapsed)} so far{left}"

    def _standing(self) -> Standing:
        return standing(self._study, self._searched, self._records.values())
