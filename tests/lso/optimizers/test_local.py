"""`local` beside what holds for every optimizer."""

from __future__ import annotations

import pytest

from lso import optimizers
from lso.optimizers import local
from lso.record import Row
from lso.search import Search
from lso.tasks.branin import Branin, Identity


def rows() -> list[Row]:
    found: list[Row] = []
    task = Branin()
    start = task.start("any", 0)
    search = Search(
        task, Identity(), start, optimizer="local", budget=12, batch=4, observe=lambda new, codes: found.extend(new)
    )
    optimizers.run("local", search)
    return found


def test_decoding_in_parts_finds_what_decoding_at_once_finds(monkeypatch: pytest.MonkeyPatch):
    in_parts = rows()
    monkeypatch.setattr(local, "_PART", local._DECODED)
    assert rows() == in_parts
