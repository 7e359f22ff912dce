"""The one door to the objective: what is counted, what is refused, and when a search ends."""

from __future__ import annotations

import numpy as np
import pytest

from lso.record import Row
from lso.search import Search, Spent
from lso.task import Start
from lso.tasks.branin import Branin, Identity
from methods.core.errors import BadInput


class Counting(Branin):
    """Notes every call."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def score(self, strings):
        self.calls.extend(strings)
        return super().score(strings)


def search(task: Branin | None = None, **settings) -> Search:
    task = task or Branin()
    return Search(task, Identity(), settings.pop("start", Start([], np.empty(0))), optimizer="test", **settings)


def test_every_proposal_has_a_row_with_the_counts_so_far():
    rows: list[Row] = []
    under = search(observe=lambda new, codes: rows.extend(new))
    under.score(["0,0", "nothing", "0,0", "1,1"], source="hand")
    assert [(row.proposals, row.valid_calls, row.unique_calls) for row in rows] == [
        (1, 1, 1),
        (2, 1, 1),
        (3, 2, 1),
        (4, 3, 2),
    ]
    assert [(row.valid, row.new) for row in rows] == [(True, True), (False, False), (True, False), (True, True)]
    assert rows[1].score is None
    assert rows[2].score == rows[0].score


def test_repeats_and_strings_of_the_start_are_not_scored_again():
    task = Counting()
    start = Start(["2,2"], np.array([7.0]))
    under = search(task, start=start)
    costs = under.score(["2,2", "1,1", "1,1"], source="hand")
    under.score(["1,1"], source="hand")
    assert task.calls == ["1,1"]
    assert costs[0] == 7
    assert under.unique_calls == 1


def test_strings_that_mean_the_same_are_one_where_the_search_may_know_it():
    class Rounded(Counting):
        def canonical(self, string: str) -> str:
            return ",".join(str(round(float(part))) for part in string.split(","))

    for knowledge, calls in (("black_box", 2), ("canonicalised", 1)):
        task = Rounded()
        under = search(task, knowledge=knowledge)
        under.score(["1,1", "1.01,1"], source="hand")
        assert (len(task.calls), under.label) == (calls, knowledge)


def test_a_search_is_labeled_by_what_it_has_really_used():
    under = search(knowledge="descriptor")
    assert under.label == "canonicalised"
    assert under.descriptor(["1,2"]).tolist() == [[1, 2]]
    assert under.label == "descriptor"
    assert search().descriptor(["1,2"]) is None


def test_the_budget_is_never_exceeded_and_ends_the_search():
    task = Counting()
    under = search(task, budget=3, batch=2)
    with pytest.raises(Spent):
        under.score(["0,0", "0,0", "1,1", "2,2", "3,3", "4,4"], source="hand")
    assert task.calls == ["0,0", "1,1", "2,2"]
    assert under.proposals == 4
    assert list(under.rounds()) == []


def test_a_solved_task_ends_the_search():
    class Solved(Branin):
        solved = 60.0

    with pytest.raises(Spent):
        search(Solved()).score(["0,0"], source="hand")


def test_costs_are_scores_turned_round_where_high_ones_are_good():
    class High(Branin):
        maximize = True

    under = search(High(), start=Start(["1,1"], np.array([5.0])))
    assert under.score(["1,1"], source="hand").tolist() == [-5]
    assert under.start_costs.tolist() == [-5]


def test_a_search_that_finds_nothing_new_comes_to_an_end():
    under = search()
    rounds = 0
    for _ in under.rounds():
        rounds += 1
        under.score(["1,1"], source="hand")
    assert rounds == 41


def test_iterations_have_their_own_randomness():
    def drawn(seed: int) -> list[float]:
        return [random.random() for _, random in zip(range(3), search(seed=seed).rounds(), strict=False)]

    assert drawn(0) == drawn(0)
    assert len({*drawn(0), *drawn(1)}) == 6


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_is_refused(value: float):
    class Broken(Branin):
        def score(self, strings):
            return [value] * len(strings)

    with pytest.raises(BadInput, match=rf"returned {value} for '1,1'"):
        search(Broken()).score(["1,1"], source="hand")


@pytest.mark.parametrize("part", ["score", "readable", "canonical"])
def test_a_task_that_raises_is_named(part: str, monkeypatch: pytest.MonkeyPatch):
    def broken(task: Branin, strings: object) -> None:
        raise RuntimeError("out of cheese")

    under = search(knowledge="canonicalised")
    monkeypatch.setattr(Branin, part, broken)
    with pytest.raises(BadInput, match=r"branin failed on '1,1': out of cheese"):
        under.score(["1,1"], source="hand")


def test_a_decoder_that_writes_nothing_valid_is_refused():
    under = search()
    with pytest.raises(BadInput, match="none of 500 proposals is valid"):
        under.score(["nothing"] * 500, source="hand")


def test_a_budget_smaller_than_a_batch_is_refused():
    with pytest.raises(BadInput, match="less than a batch"):
        search(budget=5, batch=10)


def test_fresh_leaves_out_what_is_invalid_seen_or_twice():
    under = search()
    under.score(["0,0"], source="hand")
    assert under.fresh(["0,0", "bad", "1,1", "1,1", "2,2"]) == [2, 4]
