"""What is shown while a study runs."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Record
from orchestrator.running import progress
from orchestrator.running.progress import Board

STUDY = Study(
    data="digits",
    methods=["vae", "beta_vae"],
    trials=3,
    seeds=2,
    space={"latent": [2, 3]},
    fixed={"beta": 2},
)


def record(identity: str, status: str, role: str = "search", elbo: float = -1.0, **more: Any) -> Record:
    history = [{"epoch": 1, "time": 0, "valid/elbo": elbo}]
    return Record(identity, "c", {"method": "vae"}, role, 0, status=status, history=history, **more)


def board(*records: Record) -> tuple[Board, io.StringIO]:
    screen = io.StringIO()
    return Board("tiny", STUDY, console=Console(file=screen, width=200), records=records), screen


def cells(shown: Board) -> list[list[str]]:
    return [list(column.cells) for column in shown.table().columns]


def test_trials_are_counted_by_state() -> None:
    states = [ledger.FINISHED, ledger.STOPPED, ledger.RUNNING]
    shown, _ = board(*(record(status, status) for status in states), record("r", ledger.FINISHED, "replicate"))
    assert [column[0] for column in cells(shown)] == ["vae", "2/2", "1/2", "1", "1", "", "-1"]
    assert [column[1] for column in cells(shown)] == ["beta_vae", "0/2", "0/2", "", "", "", ""]


def test_the_best_value_is_that_of_finished_trials_alone() -> None:
    shown, _ = board(
        record("a", ledger.FINISHED, elbo=-3.0),
        record("b", ledger.STOPPED, elbo=-1.0),
        record("c", ledger.FINISHED, elbo=float("nan")),
    )
    assert cells(shown)[-1][0] == "-3"


def test_a_line_says_how_many_trials_have_ended() -> None:
    shown, screen = board()
    with shown:
        shown.update(record("a", ledger.FINISHED))
        shown.update(record("b", ledger.RUNNING))
    assert screen.getvalue().startswith("study tiny: 1 of 8 trials, 0:00 so far, about ")


def test_trials_of_earlier_starts_do_not_count_for_the_time_that_is_left() -> None:
    shown, screen = board(record("a", ledger.FINISHED))
    with shown:
        pass
    assert screen.getvalue() == "study tiny: 1 of 8 trials, 0:00 so far\n"


def test_where_no_configuration_finished_no_replicates_are_expected() -> None:
    shown, screen = board(record("a", ledger.FAILED), record("b", ledger.STOPPED))
    with shown:
        pass
    assert "2 of 6 trials" in screen.getvalue()


def test_lines_come_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, screen = board()
    for _ in range(5):
        shown.show()
    assert screen.getvalue() == ""
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    shown.show()
    assert screen.getvalue().count("\n") == 1


def test_brackets_in_what_is_said_are_text() -> None:
    shown, screen = board()
    shown.say("[red] is what it became")
    assert screen.getvalue() == "[red] is what it became\n"
