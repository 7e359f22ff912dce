"""A paper's tables beside ours, and which of its claims hold here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.comparison.scores import Standing, decimals, described, text, values
from orchestrator.comparison.significance import LEVEL, Summary, summary, welch
from orchestrator.comparison.tables import MISSING, Cell, Column, Table
from orchestrator.definition.paper import Counterpart, Paper, PaperTable
from pipelines import papers
from pipelines.papers import Reported

Standings = Mapping[str, Standing]
"""The trials that stand for each arm, by data set."""

_CLAIMS = (
    Column("claim", align="wrap"),
    Column("data", align="left"),
    Column("by", align="left"),
    Column("ours"),
    Column("found", align="left"),
)


@dataclass(frozen=True)
class Finding:
    """How a claim of the form "this arm is better than that one" fares.

    Attributes:
        says: the claim.
        data: where.
        by: our metric.
        ours: both means.
        verdict: `holds`, `not significant` (right direction), `does not hold` or `not measured`.
        p: of Welch's test; NaN where it cannot be made.
    """

    says: str
    data: str
    by: str
    ours: str
    verdict: str
    p: float


def beside(paper: Paper, standings: Standings, *, mark: str = "") -> list[Table]:
    """Every table of the paper with ours beside it, for its rows of data sets that the study was run on.

    Args:
        paper: what stands for what.
        standings: the trials that stand for each arm, by data set.
        mark: stands behind every number of ours.
    """
    return [_beside(paper, entry, standings, mark) for entry in paper.tables]


def claims(paper: Paper, standings: Standings, *, mark: str = "") -> Table | None:
    """The paper's claims that do not hold here, or cannot be told; the caption counts the others. None without claims.

    A claim holds if our mean is better and Welch's test with a level of 5% says so.
    """
    found = [*_of_tables(paper, standings, mark), *_further(paper, standings, mark)]
    if not found:
        return None
    open_ = [finding for finding in found if finding.verdict != "holds"]
    rows = tuple(_claim_row(finding) for finding in open_)
    unmeasured = sum(finding.verdict == "not measured" for finding in found)
    caption = (
        f"{len(found) - len(open_)} of {len(found)} claims hold: our mean is better, and Welch's t-test (two-sided, "
        f"level {LEVEL:g}, not corrected for their number) says so. {unmeasured} could not be tested here."
    )
    return Table(f"Claims of {paper.name} that do not hold here, or cannot be told", _CLAIMS, rows, caption)


def notes(paper: Paper) -> list[str]:
    """What is known of the paper's numbers for the tables that the study reproduces."""
    found = [note for entry in paper.tables for note in papers.notes(paper.name, entry.table)]
    return [f"{paper.name}: {note}" for note in dict.fromkeys(found or papers.notes(paper.name))]


def difference(ours: Summary, theirs: Reported, factor: float = 1.0) -> float:
    """Ours less theirs in standard deviations of a single run: the root mean square of those of both sides, or the one
    there is. NaN where there is none, or no value of ours."""
    spreads = [
        spread for spread in (abs(factor) * ours.sd, theirs.deviation) if spread is not None and not math.isnan(spread)
    ]
    unit = math.sqrt(sum(spread**2 for spread in spreads) / len(spreads)) if spreads else math.nan
    return (factor * ours.mean - theirs.value) / unit if unit > 0 else math.nan


def _beside(paper: Paper, entry: PaperTable, standings: Standings, mark: str) -> Table:
    numbers = papers.table(paper.name, entry.table)
    columns = [Column("the paper's row", align="left"), Column("data", align="left"), Column("our arm", align="left")]
    for theirs in entry.metrics:
        columns += _headings(theirs, entry.counterpart(theirs))
    places = dict.fromkeys((number.data, number.method) for number in numbers)
    rows = [
        (
            Cell(row),
            Cell(data),
            Cell(paper.arm(row, data) or MISSING),
            *_cells(paper, entry, standings, (data, row), mark),
        )
        for data, row in places
        if paper.data.get(data) in standings
    ]
    return Table(f"{paper.name}, {entry.table}: theirs and ours", tuple(columns), tuple(rows), _caption(entry))


def _headings(theirs: str, found: Counterpart) -> list[Column]:
    ours = f"{found.factor:g} x {found.metric}" if found.factor != 1 else found.metric
    stand_in = [Column(found.stand_in, "ours, in other units: no difference can be told")] if found.stand_in else []
    return [
        Column(theirs, "as printed"),
        Column(f"our {ours}", "ours"),
        Column("difference", "in deviations"),
        *stand_in,
    ]


def _cells(paper: Paper, entry: PaperTable, standings: Standings, place: tuple[str, str], mark: str) -> Iterator[Cell]:
    data, row = place
    for theirs in entry.metrics:
        found = entry.counterpart(theirs)
        number = _reported(paper, entry, theirs, place)
        trials = standings.get(paper.data[data], {}).get(paper.arm(row, data) or "", ())
        ours = summary(values(trials, found.metric))
        yield Cell(_printed(number))
        yield Cell(_ours(ours, found.factor, mark))
        gap = difference(ours, number, found.factor) if number else math.nan
        yield Cell(MISSING if math.isnan(gap) else f"{gap:+.1f} sd{mark}")
        if found.stand_in:
            yield Cell(_ours(summary(values(trials, found.stand_in)), 1.0, mark))


def _reported(paper: Paper, entry: PaperTable, metric: str, place: tuple[str, str]) -> Reported | None:
    numbers = papers.table(paper.name, entry.table)
    return next((n for n in numbers if (n.data, n.method) == place and n.metric == metric), None)


def _printed(number: Reported | None) -> str:
    if number is None:
        return MISSING
    return f"{number.value:g}" if number.deviation is None else f"{number.value:g} ± {number.deviation:g}"


def _ours(found: Summary, factor: float, mark: str) -> str:
    if found.n == 0:
        return MISSING
    scaled = Summary(factor * found.mean, abs(factor) * found.sd, found.n)
    return text(scaled, decimals([scaled])) + mark


def _caption(entry: PaperTable) -> str:
    """How to read it; a data set or a row without an arm here has theirs alone."""
    inexact = [found for found in map(entry.counterpart, entry.metrics) if found.stand_in]
    stand_in = " Columns in other units stand in where the paper's metric was not measured." if inexact else ""
    return (
        "Theirs as printed; ours mean ± standard deviation over seeds. The difference is ours less theirs, in standard "
        f"deviations of a single run (root mean square of both sides', or the one there is).{stand_in}"
    )


def _of_tables(paper: Paper, standings: Standings, mark: str) -> Iterator[Finding]:
    """Where a table has one of the paper's own methods ahead of another method, that is a claim."""
    for entry in paper.tables:
        for number in papers.table(paper.name, entry.table):
            mine = paper.arm(number.method, number.data)
            there = paper.data.get(number.data) in standings
            if mine not in paper.own or number.metric not in entry.metrics or not there:
                continue
            for other in papers.table(paper.name, entry.table):
                if (other.data, other.metric) == (number.data, number.metric) and _ahead(number, other, paper):
                    says = f"{number.method} is better than {other.method} in {number.metric} ({entry.table})"
                    pair = (mine, paper.arm(other.method, other.data) or "")
                    found = entry.counterpart(number.metric)
                    higher = number.higher_is_better if found.factor > 0 else not number.higher_is_better
                    standing = standings.get(paper.data[number.data], {})
                    yield _finding(
                        says, paper.data[number.data], standing, pair, _measured(found, standing, pair, higher), mark
                    )


def _ahead(number: Reported, other: Reported, paper: Paper) -> bool:
    if number.higher_is_better is None or paper.arm(other.method, other.data) in (None, *paper.own):
        return False
    return number.value > other.value if number.higher_is_better else number.value < other.value


def _measured(found: Counterpart, standing: Standing, pair: tuple[str, str], higher: bool | None) -> tuple[str, bool]:
    """The metric to go by: the counterpart, or what stands in where not both arms have it. With its direction."""
    if found.stand_in and not all(values(standing.get(arm, ()), found.metric) for arm in pair):
        return found.stand_in, bool(described(found.stand_in).higher_is_better)
    return found.metric, bool(higher)


def _further(paper: Paper, standings: Standings, mark: str) -> Iterator[Finding]:
    for claim in paper.claims:
        higher = described(claim.metric).higher_is_better if claim.lower is None else not claim.lower
        for data, standing in standings.items():
            for other in claim.than:
                pair, by = (claim.better, other), (claim.metric, bool(higher))
                yield _finding(f"{claim.says} ({claim.better} against {other})", data, standing, pair, by, mark)


def _finding(
    says: str, data: str, standing: Standing, pair: tuple[str, str], by: tuple[str, bool], mark: str
) -> Finding:
    metric, higher = by
    one, other = (values(standing.get(arm, ()), metric) for arm in pair)
    if not one or not other:
        return Finding(says, data, metric, MISSING, "not measured", math.nan)
    sides = summary(one), summary(other)
    digits = decimals(sides)
    ours = " and ".join(f"{side.mean:.{digits}f}{mark}" for side in sides)
    p = welch(one, other) if min(len(one), len(other)) > 1 else math.nan
    better = sides[0].mean > sides[1].mean if higher else sides[0].mean < sides[1].mean
    verdict = ("holds" if p < LEVEL else "not significant") if better else "does not hold"
    return Finding(says, data, metric, ours, verdict, p)


def _claim_row(finding: Finding) -> tuple[Cell, ...]:
    p = "" if math.isnan(finding.p) else f", p = {finding.p:.2g}"
    return tuple(map(Cell, (finding.says, finding.data, finding.by, finding.ours, f"{finding.verdict}{p}")))
