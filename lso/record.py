"""Every evaluation on disk as it happens: `evaluations.csv`, and the codes beside it in `codes.npy`."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from methods.core.errors import BadInput

CSV, CODES = "evaluations.csv", "codes.npy"


Run = tuple[str, int]
"""An optimizer and a seed."""


@dataclass(frozen=True)
class Row:
    """A proposal and what became of it.

    Attributes:
        optimizer: who made it.
        seed: of the run.
        iteration: of the run, from 0; -1 is before the first one.
        source: how it was made, such as `neighborhood` or `prior`.
        string: the proposal.
        canonical: what all that mean the same share, as far as the run may know; empty for an invalid string.
        score: None for an invalid string.
        valid: whether the string means something.
        new: whether the objective was called for it.
        proposals: made so far, this one included.
        valid_calls: proposals so far that mean something.
        unique_calls: calls of the objective so far: what the budget counts.
    """

    optimizer: str
    seed: int
    iteration: int
    source: str
    string: str
    canonical: str
    score: float | None
    valid: bool
    new: bool
    proposals: int
    valid_calls: int
    unique_calls: int

    @property
    def run(self) -> Run:
        """Whose row it is."""
        return self.optimizer, self.seed


COLUMNS = tuple(field.name for field in fields(Row))

Rows = dict[Run, list[Row]]
"""Rows by run."""

Entry = tuple[Run, int]
"""A run, and the number of one of its rows."""


class Record:
    """A folder's evaluations. Rows are appended and flushed; rows that are there already are not written again.

    Args:
        folder: made where there is none.
        earlier: keep what is there; else it is replaced.

    Raises:
        BadInput: the folder cannot be read or written, or holds rows in another form; from `add`, rows that are not
            those that are there already.
    """

    def __init__(self, folder: Path, *, earlier: bool) -> None:
        self.folder = folder
        self.rows: Rows = {}
        self._order: list[Entry] = []
        self._codes: dict[Entry, NDArray[np.float32]] = {}
        self._again: dict[Run, int] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if earlier:
                self._take(read(folder / CSV))
            _write_whole(folder / CSV, [self.rows[run][number] for run, number in self._order])
            self._file = (folder / CSV).open("a", newline="")
        except OSError as error:
            raise BadInput(f"cannot write to {folder}: {error.strerror or error}") from error
        self._writer = csv.writer(self._file)

    def add(self, rows: Sequence[Row], codes: NDArray[np.float32]) -> None:
        """Append rows of one run with their codes (rows, latent), NaN for none."""
        for row, code in zip(rows, codes, strict=True):
            number = self._again.get(row.run, 0)
            self._again[row.run] = number + 1
            self._codes[row.run, number] = code
            before = self.rows.setdefault(row.run, [])
            if number < len(before):
                self._compare(before[number], row)
                continue
            before.append(row)
            self._order.append((row.run, number))
            self._writer.writerow(_line(row))
        self._file.flush()

    def rewind(self, seed: int) -> None:
        """Take the next rows of a seed for its first ones: it is run again."""
        self._again = {run: number for run, number in self._again.items() if run[1] != seed}

    def close(self) -> None:
        """Write the codes, in the order of the rows."""
        self._file.close()
        width = max((len(code) for code in self._codes.values()), default=0)
        codes = np.full((len(self._order), width), np.nan, np.float32)
        for place, entry in enumerate(self._order):
            if entry in self._codes:
                codes[place, : len(self._codes[entry])] = self._codes[entry]
        draft = self.folder / f".{CODES}"
        with draft.open("wb") as file:
            np.save(file, codes, allow_pickle=False)
        os.replace(draft, self.folder / CODES)

    def _take(self, rows: Sequence[Row]) -> None:
        """Go on from rows of an earlier start, with their codes as far as they were written."""
        for row in rows:
            own = self.rows.setdefault(row.run, [])
            self._order.append((row.run, len(own)))
            own.append(row)
        path = self.folder / CODES
        if path.is_file():
            self._codes = dict(zip(self._order, np.load(path, allow_pickle=False), strict=False))

    def _compare(self, before: Row, now: Row) -> None:
        if before.string != now.string:
            raise BadInput(
                f"{self.folder / CSV} was made by other settings, another version or another machine: {now.optimizer} "
                f"with seed {now.seed} proposed {before.string!r} there and {now.string!r} now; start again elsewhere"
            )


def read(path: Path) -> list[Row]:
    """The rows of a file in their order; a last line that was not written whole is left out.

    Raises:
        BadInput: no such file, or one with other columns.
    """
    if not path.is_file():
        raise BadInput(f"nothing to resume: there is no {path}")
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    lines = list(csv.reader(whole.splitlines(keepends=True)))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise BadInput(f"{path} has other columns than {', '.join(COLUMNS)}: choose another folder with --out")
    return [_row(line) for line in lines[1:] if len(line) == len(COLUMNS)]


def _row(line: list[str]) -> Row:
    optimizer, seed, iteration, source, string, canonical, score, valid, new, *counts = line
    proposals, valid_calls, unique_calls = map(int, counts)
    value = float(score) if score else None
    where = (optimizer, int(seed), int(iteration), source, string, canonical)
    return Row(*where, value, valid == "1", new == "1", proposals, valid_calls, unique_calls)


def _line(row: Row) -> list[Any]:
    return [_written(getattr(row, column)) for column in COLUMNS]


def _write_whole(path: Path, rows: Sequence[Row]) -> None:
    """All rows in place of the file, without a half line at its end."""
    draft = path.with_name(f".{path.name}")
    with draft.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_line(row) for row in rows)
    os.replace(draft, path)


def _written(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return "" if value is None else repr(value) if isinstance(value, float) else value
