"""Which tables of a paper a study reproduces, and what in the study stands for what in the paper."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from methods.core.errors import BadInput, unknown
from pipelines import datasets, papers
from pipelines.metrics.metric import METRICS


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Counterpart(_Strict):
    """What stands for a metric of the paper.

    Attributes:
        metric: ours.
        factor: ours times this is in the paper's unit and sign.
        stand_in: another of ours, of other units, by which methods are ordered where the metric was not measured.
    """

    metric: str
    factor: float = 1.0
    stand_in: str | None = None


class PaperTable(_Strict):
    """A table.

    Attributes:
        table: its name in the numbers file, `pipelines.papers`.
        metrics: for each of its metrics ours, as a name or as a `Counterpart`.
    """

    table: str
    metrics: dict[str, str | Counterpart]

    def counterpart(self, theirs: str) -> Counterpart:
        found = self.metrics[theirs]
        return Counterpart(metric=found) if isinstance(found, str) else found


class Claim(_Strict):
    """What a paper says of its methods, beside its tables.

    Attributes:
        says: the statement.
        better: an arm of the study.
        than: the arms that it is better than.
        metric: ours, by which; its direction is that of `pipelines.metrics`, unless `lower` says otherwise.
        lower: whether less is better, for a metric without a direction.
    """

    says: str
    better: str
    than: list[str]
    metric: str
    lower: bool | None = None


class Paper(_Strict):
    """The part of a paper that a study reproduces.

    Attributes:
        name: of the paper, as in the numbers file.
        tables: that the study reproduces; each is found by a name of its own, such as `hub_vae_supp_table_2`.
        figures: likewise, such as `Figure 2`; a paper's curves have no numbers to compare with.
        rows: for each row of its tables the arm of the study, or for each of its data sets one.
        data: for each data set of its tables that of the study.
        own: arms that are the paper's own methods: that they are better than the others where its tables say so is what
            the paper claims.
        claims: further ones.
    """

    name: str
    tables: list[PaperTable] = []
    figures: list[str] = []
    rows: dict[str, str | dict[str, str]] = {}
    data: dict[str, str] = {}
    own: list[str] = []
    claims: list[Claim] = []

    def arm(self, row: str, data: str) -> str | None:
        """The arm that stands for a row of its tables on one of its data sets; None without one."""
        found = self.rows.get(row)
        return found.get(data) if isinstance(found, dict) else found

    @property
    def arms(self) -> set[str]:
        """Every arm that it names. A study that leaves one out has no numbers for it."""
        rows = [name for row in self.rows.values() for name in (row.values() if isinstance(row, dict) else [row])]
        claimed = [name for claim in self.claims for name in (claim.better, *claim.than)]
        return {*rows, *self.own, *claimed}

    @property
    def aliases(self) -> list[str]:
        """Names of its tables and figures, by which the study is found."""
        return [slug(f"{self.name} {title}") for title in [*(entry.table for entry in self.tables), *self.figures]]


def slug(text: str) -> str:
    """The text as a name of a study.

    >>> slug("Hub-VAE Supp. Table 2")
    'hub_vae_supp_table_2'
    """
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def check(paper: Paper) -> None:
    """What pydantic cannot know: names outside of the study. Arms and data sets may be missing from a study, as where
    somebody runs a few of them.

    Raises:
        BadInput: a paper, table, row, metric or data set that does not exist.
    """
    if paper.name not in papers.names():
        raise unknown("paper", paper.name, papers.names())
    for kind, name, known in _references(paper):
        if name not in known:
            raise unknown(kind, name, known)
    for name in paper.data.values():
        if name not in datasets.names():
            raise unknown("data set in paper", name, datasets.names())
    for claim in paper.claims:
        if claim.lower is None and METRICS[claim.metric].higher_is_better is None:
            raise BadInput(f"a claim by {claim.metric} must say by lower whether less of it is better")


def _references(paper: Paper) -> Iterator[tuple[str, str, list[str]]]:
    """Names in the paper's tables and among metrics, each with its kind and those that there are."""
    tables = papers.tables(paper.name)
    reported = [number for entry in paper.tables for number in papers.table(paper.name, entry.table)]
    yield from (("table in paper", entry.table, tables) for entry in paper.tables)
    yield from (("row in paper", row, sorted({number.method for number in reported})) for row in paper.rows)
    yield from (("data set of the paper", name, sorted({number.data for number in reported})) for name in paper.data)
    for entry in paper.tables:
        theirs = sorted({number.metric for number in papers.table(paper.name, entry.table)})
        yield from (("metric of the paper", name, theirs) for name in entry.metrics)
        ours = [entry.counterpart(name) for name in entry.metrics]
        yield from (("metric in paper", found.metric, list(METRICS)) for found in ours)
        yield from (("metric in paper", found.stand_in, list(METRICS)) for found in ours if found.stand_in)
    yield from (("metric in a claim", claim.metric, list(METRICS)) for claim in paper.claims)
