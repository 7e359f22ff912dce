"""The table of a comparison: what stands beside the scores."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console

from lso import report
from lso.plan import Plan
from lso.record import Row
from lso.summary import collect, summarize
from lso.task import Published
from lso.tasks.branin import Branin


class Doubtful(Branin):
    """Holds everything below zero for nonsense."""

    def doubt(self, string: str) -> str | None:
        return "too good" if string.startswith("-") else None

    def published(self, protocol: str) -> Sequence[Published]:
        return (Published("others", 1.25, 500), Published("a limit", 0.4, 0))


PLAN = Plan("expression", optimizers=("local",), seeds=2, budget=2, batch=2)


def table(task: Branin, *scores: float) -> str:
    rows = {
        ("local", seed): [Row("local", seed, 0, "test", f"{score}", f"{score}", score, True, True, 1, 1, 1)]
        for seed, score in enumerate(scores)
    }
    results = {one.optimizer: summarize(one, PLAN, maximize=False) for one in collect(PLAN, rows, [], maximize=False)}
    console = Console(file=io.StringIO(), width=160)
    console.print(report.table(PLAN, task, results))
    return console.file.getvalue()


def test_doubtful_winners_are_marked_and_the_mark_is_explained():
    found = table(Doubtful(), -3.0, 2.0)
    assert "-3! 2 " in found
    assert "! too good" in found


def test_results_of_others_stand_below():
    assert "others 1.25 (500 calls), a limit 0.4" in table(Doubtful(), 2.0, 3.0)


def test_a_table_without_doubts_has_no_marks():
    assert "!" not in table(Branin(), -3.0, 2.0)


def test_what_others_print_of_a_search_stands_below_each_value_of_the_best_three_once():
    assert "local 1.00 valid, average 2.00, best three 2 / 3" in " ".join(table(Branin(), 2.0, 3.0).split())
