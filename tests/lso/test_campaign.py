"""Seeds at once: whoever dies is begun again, and no call is made twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lso import campaign
from lso.plan import Plan
from lso.processes import processes
from lso.record import CSV, Record, Row, Rows, read
from lso.tasks.branin import Branin
from lso.worker import Lost, Message, work
from lso.workers import Starter, Workers
from methods.core.errors import BadInput

PLAN = Plan("lso.tasks.branin:Branin", optimizers=("evolution", "prior"), seeds=2, budget=20, batch=5)


class Here:
    """Workers in this process, which die after so many messages of a start, by seed."""

    count = 2

    def __init__(self, plan: Plan, deaths: dict[int, list[int]]) -> None:
        self.plan, self.deaths = plan, deaths
        self.told: list[Message] = []

    def start(self, seed: int, earlier: Rows) -> None:
        messages: list[Message] = []
        work(self.plan, seed, earlier, messages.append)
        left = self.deaths.get(seed, [])
        self.told += [*messages[: left.pop(0)], Lost(seed, "somebody pulled the plug")] if left else messages

    def next(self) -> Message:
        return self.told.pop(0)

    def rest(self) -> Iterator[Message]:
        yield from ()


def dying(deaths: dict[int, list[int]]) -> Starter:
    @contextmanager
    def start(plan: Plan) -> Iterator[Workers]:
        yield Here(plan, deaths)

    return start


def run(
    folder: Path, start: Starter, show: Callable[[Message], None] = lambda message: None, plan: Plan = PLAN
) -> campaign.Outcome:
    record = Record(folder, earlier=False)
    try:
        return campaign.run(plan, record, show, start=start)
    finally:
        record.close()


def by_run(folder: Path) -> dict[tuple[str, int], list[Row]]:
    found: dict[tuple[str, int], list[Row]] = {}
    for row in read(folder / CSV):
        found.setdefault(row.run, []).append(row)
    return found


def test_a_seed_whose_worker_died_ends_as_if_nothing_had_happened(tmp_path: Path):
    outcome = run(tmp_path / "cut", dying({0: [4, 1, 7]}))
    run(tmp_path / "whole", dying({}))
    assert by_run(tmp_path / "cut") == by_run(tmp_path / "whole")
    assert sorted((one.optimizer, one.seed) for one in outcome.finished) == [
        ("evolution", 0),
        ("evolution", 1),
        ("prior", 0),
        ("prior", 1),
    ]


def test_what_was_scored_before_a_worker_died_is_not_scored_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []
    score = Branin.score

    def counting(self: Branin, strings: list[str]) -> list[float]:
        calls.extend(strings if len(strings) <= PLAN.batch else [])  # else it is the start
        return score(self, strings)

    # What a worker that died has not told of is lost: here it tells of all but the last batch of `prior`.
    monkeypatch.setattr(Branin, "score", counting)
    run(tmp_path / "whole", dying({}))
    whole = len(calls)
    run(tmp_path / "cut", dying({0: [12]}))
    assert len(calls) - whole == whole + PLAN.batch


def test_a_seed_that_dies_again_and_again_ends_the_comparison_in_one_sentence(tmp_path: Path):
    with pytest.raises(BadInput, match="seed 0 was begun 4 times in vain: somebody pulled the plug"):
        run(tmp_path, dying({0: [4, 4, 4, 4]}))
    assert len(by_run(tmp_path)["evolution", 0]) >= PLAN.batch


def test_processes_give_what_one_process_gives_also_when_they_are_killed(tmp_path: Path, dying_task: str):
    plan = replace(PLAN, task=dying_task, settings={"mark": str(tmp_path / "mark")})
    told: list[Message] = []
    run(tmp_path / "two", processes(2), told.append, plan)
    assert {message.reason for message in told if isinstance(message, Lost)} == {"its process died (exit code -9)"}
    run(tmp_path / "one", dying({}), plan=plan)
    assert by_run(tmp_path / "two") == by_run(tmp_path / "one")
