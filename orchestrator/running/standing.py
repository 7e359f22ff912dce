"""How far a study is: the trials of every branch by their state, the best value, the pace and the time left."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from orchestrator.definition import objectives
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Record
from orchestrator.records.schema import MEMBER, REPLICATE, SEARCH

_RECENT = 50  # trials whose ends give the pace: trials of methods that come later may take longer


@dataclass(frozen=True)
class Row:
    """One branch: an arm on a data set.

    Attributes:
        branch: its name.
        searched, configurations: configurations that have ended, of how many; of none where nothing is searched. Of a
            population, its members of all generations.
        replicated, seeds: finished replicates of the best configuration, of how many. Of several metrics, of the Pareto
            front's configurations, as many as there may be while the search goes on.
        running, stopped, failed: trials in these states; a trial of a study that was interrupted counts as running.
        ended: trials that are over.
        others: of these, replicates of what was the best configuration before the study was extended.
        best: the best value of the study's metric among finished trials, or of several metrics the configurations on
            the Pareto front; None without any.
    """

    branch: str
    searched: int
    configurations: int
    replicated: int
    seeds: int
    running: int
    stopped: int
    failed: int
    ended: int
    others: int
    best: float | None

    @property
    def planned(self) -> int:
        """Trials that there will be: no replicates where no configuration has finished."""
        hopeless = self.searched >= self.configurations > 0 and self.best is None
        return self.configurations + (0 if hopeless else self.seeds) + self.others


@dataclass(frozen=True)
class Standing:
    """All branches of a study. A trial that several of them share counts in each.

    Attributes:
        heading: of what is best in each row.
        rows: in the study's order.
    """

    heading: str
    rows: tuple[Row, ...]

    @property
    def ended(self) -> int:
        return sum(row.ended for row in self.rows)

    @property
    def planned(self) -> int:
        return sum(row.planned for row in self.rows)

    @property
    def running(self) -> int:
        return sum(row.running for row in self.rows)

    @property
    def complete(self) -> bool:
        return self.ended >= self.planned and not self.running

    def table(self, title: str) -> Table:
        """Branches by state."""
        table = Table(title=title, title_justify="left", title_style="bold")
        for column in ("method", "searched", "replicated", "running", "stopped early", "failed"):
            table.add_column(column, justify="left" if column == "method" else "right")
        table.add_column(self.heading, justify="right")
        for row in self.rows:
            table.add_row(
                row.branch,
                f"{row.searched}/{row.configurations}" if row.configurations else "",
                f"{row.replicated}/{row.seeds}",
                *(str(count or "") for count in (row.running, row.stopped, row.failed)),
                "" if row.best is None else f"{row.best:.4g}",
            )
        return table

    def lines(self) -> list[str]:
        """The same for what is no terminal: one line a branch."""
        return [self._line(row) for row in self.rows]

    def _line(self, row: Row) -> str:
        states = {"running": row.running, "stopped early": row.stopped, "failed": row.failed}
        parts = [f"searched {row.searched}/{row.configurations}"] if row.configurations else []
        parts += [f"replicated {row.replicated}/{row.seeds}"]
        parts += [f"{count} {state}" for state, count in states.items() if count]
        best = [] if row.best is None else [f"{self.heading} {row.best:.4g}"]
        return f"{row.branch}: {', '.join(parts + best)}"


def configurations(study: Study) -> dict[str, int]:
    """How many configurations of each branch are searched. To list a large grid takes a while: ask once."""
    return {branch: study.searched(branch) for branch in study.branches}


def standing(study: Study, searched: Mapping[str, int], records: Iterable[Record]) -> Standing:
    """How far `study` is.

    Args:
        study: its definition.
        searched: what `configurations` says of it.
        records: of all its trials so far.
    """
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        for branch in study.labels(record.arms, record.settings):
            groups[branch].append(record)
    rows = tuple(_row(study, method, searched[method], groups[method]) for method in searched)
    return Standing("on the front" if len(study.objectives) > 1 else f"best {study.objectives[0].metric}", rows)


def pace(records: Iterable[Record]) -> float:
    """Trials a second, by when the latest ones ended; 0 where too few have."""
    ends = sorted(record.ended for record in records if record.ended and not record.origin)[-_RECENT:]
    return 1000 * (len(ends) - 1) / (ends[-1] - ends[0]) if len(ends) > 1 and ends[-1] > ends[0] else 0.0


def trial_seconds(records: Iterable[Record], now: int) -> float:
    """What the trials took, all together, until `now` (ms since 1970). Those of other studies cost nothing here."""
    own = (record for record in records if not record.origin)
    return sum(((record.ended or max(last(record), record.started)) - record.started) / 1000 for record in own)


def last(record: Record) -> int:
    """When a trial was last heard of, ms since 1970."""
    return max(record.ended, record.history[-1]["time"] if record.history else record.started)


def best_replicate(study: Study, records: Iterable[Record]) -> Record | None:
    """The finished replicate with the best finite value of the study's metric, on its first data set.

    None where none has finished, and where there are several metrics: none of a front is the best.
    """
    if len(study.objectives) > 1:
        return None
    data = study.loaded[study.data_names[0]]
    here = [record for record in records if record.settings.get("data", data) == data]
    finished = [record for record in here if record.role == REPLICATE and record.status == ledger.FINISHED]
    able = [(values[0], record) for record in finished if (values := finite(study, record)) is not None]
    choose = max if study.mode == "max" else min
    return choose(able, key=lambda entry: entry[0], default=(0.0, None))[1]


def clock(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> clock(3725.2)
    '1:02:05'
    """
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _row(study: Study, branch: str, searched: int, records: Sequence[Record]) -> Row:
    states = Counter(record.status for record in records)
    ended = [record for record in records if record.status != ledger.RUNNING]
    replicates = [record for record in ended if record.role == REPLICATE]
    searched = searched or sum(record.role != REPLICATE for record in records)
    chosen = _chosen(study, ended) if searched else {record.configuration for record in replicates}
    current = [record for record in replicates if record.configuration in chosen]
    tried = len(ended) - len(replicates)
    return Row(
        branch,
        searched=tried,
        configurations=searched,
        replicated=sum(record.status == ledger.FINISHED for record in current),
        seeds=study.replicates * (len(chosen) or 1 if tried >= searched else study.chosen(searched)),
        running=states[ledger.RUNNING],
        stopped=states[ledger.STOPPED],
        failed=states[ledger.FAILED],
        ended=len(ended),
        others=len(replicates) - len(current),
        best=_best(study, (record for record in ended if record.role != MEMBER), chosen),
    )


def _best(study: Study, ended: Iterable[Record], chosen: Collection[str]) -> float | None:
    finished = [record for record in ended if record.status == ledger.FINISHED]
    if len(study.objectives) > 1:
        return len({record.configuration for record in finished}.intersection(chosen)) or None
    values = [found[0] for record in finished if (found := finite(study, record)) is not None]
    return (max if study.mode == "max" else min)(values, default=None)


def _chosen(study: Study, records: Iterable[Record]) -> set[str]:
    """The configurations that the search chooses, told apart from equals by identity, as the search does."""
    searched = [record for record in records if record.role == SEARCH and record.status == ledger.FINISHED]
    values = {record.identity: found for record in searched if (found := finite(study, record)) is not None}
    best = objectives.best(values, study.objectives, study.front)
    return {record.configuration for record in searched if record.identity in best}


def finite(study: Study, record: Record) -> tuple[float, ...] | None:
    """The record's values of the study's metrics; None where one is missing or not finite."""
    return objectives.finite(record.value(each.metric) for each in study.objectives)
