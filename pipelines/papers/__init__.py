"""The numbers that the papers report, and what is known of them.

`tables.json` has one entry for every number of their tables, under the papers' own names for tables, data sets, methods
and metrics; `notes.yaml` has what contradicts them, in the papers themselves or by our own checks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from methods.core.errors import unknown

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Reported:
    """A number in a table.

    Attributes:
        paper, table, data, method, metric: as the paper and the numbers file call them.
        value: as printed, in the paper's units.
        deviation: the standard deviation printed beside it; None without one.
        higher_is_better: None where neither direction is.
        note: what is odd about it.
    """

    paper: str
    table: str
    data: str
    method: str
    metric: str
    value: float
    deviation: float | None = None
    higher_is_better: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Note:
    """What has to be known to read a paper's numbers.

    Attributes:
        paper: its name.
        tables: those that it concerns; none for the whole paper.
        text: one or two sentences.
    """

    paper: str
    tables: tuple[str, ...]
    text: str


def names() -> list[str]:
    """The papers, by the names that the numbers file has for them."""
    return list(dict.fromkeys([number.paper for number in numbers()] + [note.paper for note in _notes()]))


def tables(paper: str) -> list[str]:
    """The tables of a paper that have numbers; none for a paper that only has curves.

    Raises:
        BadInput: an unknown paper (the message names the nearest).
    """
    if paper not in names():
        raise unknown("paper", paper, names())
    return list(dict.fromkeys(number.table for number in numbers() if number.paper == paper))


def table(paper: str, name: str) -> list[Reported]:
    """All numbers of a table, in its order.

    Raises:
        BadInput: an unknown paper or table (the message names the nearest).
    """
    known = tables(paper)
    if name not in known:
        raise unknown(f"table of {paper}", name, known)
    return [number for number in numbers() if (number.paper, number.table) == (paper, name)]


def notes(paper: str, name: str | None = None) -> list[str]:
    """What is to be said of a table, or without `name` of the paper as a whole and all of its tables.

    Raises:
        BadInput: an unknown paper (the message names the nearest).
    """
    if paper not in names():
        raise unknown("paper", paper, names())
    mine = (note for note in _notes() if note.paper == paper)
    return [note.text for note in mine if name is None or not note.tables or name in note.tables]


@cache
def numbers() -> tuple[Reported, ...]:
    """Every number that there is."""
    entries = json.loads((_FOLDER / "tables.json").read_text(encoding="utf-8"))
    return tuple(
        Reported(
            paper=entry["paper"],
            table=entry["table"],
            data=entry["dataset"],
            method=entry["method"],
            metric=entry["metric"],
            value=float(entry["value"]),
            deviation=None if entry["std"] is None else float(entry["std"]),
            higher_is_better=entry["higher_is_better"],
            note=entry.get("note", ""),
        )
        for entry in entries
    )


@cache
def _notes() -> tuple[Note, ...]:
    entries = yaml.safe_load((_FOLDER / "notes.yaml").read_text(encoding="utf-8"))
    return tuple(
        Note(paper, tuple(entry.get("tables", ())), entry["text"])
        for paper, given in entries.items()
        for entry in given
    )
