"""`weighted_retraining` where there is a decoder to train, and where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from lso import optimizers, retraining
from lso.optimizers import local, weighted_retraining
from lso.record import Row
from lso.search import Search
from lso.strings import StringSpace
from lso.task import Start
from lso.tasks.branin import Branin, Identity
from lso.tasks.expression import Expression
from methods.core.errors import BadInput


def rows_of(
    space: StringSpace, strings: list[str], *, seed: int = 0, known: dict[str, float] | None = None
) -> tuple[list[Row], Search]:
    rows: list[Row] = []
    task = Expression()
    start = Start(strings, np.array(task.score(strings)))
    search = Search(
        task,
        space,
        start,
        optimizer="weighted_retraining",
        seed=seed,
        budget=12,
        batch=4,
        known=known,
        observe=lambda new, codes: rows.extend(new),
    )
    optimizers.run("weighted_retraining", search)
    return rows, search


@pytest.fixture(autouse=True)
def often_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few steps of retraining, after every second batch, and few candidates."""
    monkeypatch.setattr(weighted_retraining, "_EVERY", 8)
    monkeypatch.setattr(local, "_DECODED", 1000)
    monkeypatch.setattr(local, "_KEPT", 200)
    monkeypatch.setattr(retraining, "_STEPS", 4)


def test_it_goes_on_in_a_new_space_and_leaves_the_first_one_alone(small_space: StringSpace, strings: list[str]):
    before = small_space.encode(strings[:3])
    rows, search = rows_of(small_space, strings)
    assert rows[-1].unique_calls == 12
    assert search.space is not small_space
    assert np.array_equal(small_space.encode(strings[:3]), before)
    assert not np.allclose(search.space.encode(strings[:3]), before, atol=1e-3)


def test_the_seed_decides_and_a_run_goes_on_from_known_scores(small_space: StringSpace, strings: list[str]):
    whole, _ = rows_of(small_space, strings)
    known = {row.string: row.score for row in whole[:7] if row.new and row.score is not None}
    assert rows_of(small_space, strings, known=known)[0] == whole
    assert [row.string for row in rows_of(small_space, strings, seed=1)[0]] != [row.string for row in whole]


def test_a_task_without_a_decoder_is_refused_in_one_sentence():
    task = Branin()
    search = Search(task, Identity(), task.start("any", 0), optimizer="weighted_retraining")
    with pytest.raises(BadInput, match="trains a decoder, of which the task branin has none: use local"):
        optimizers.run("weighted_retraining", search)
