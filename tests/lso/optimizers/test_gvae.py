"""`gvae` beside what holds for every optimizer."""

from __future__ import annotations

import pytest

from lso import optimizers
from lso.record import Row
from lso.search import Search
from lso.task import Start
from lso.tasks.branin import MINIMUM, Branin, Identity
from methods.core.errors import BadInput


def rows(start: Start, *, budget: int, batch: int, space: Identity | None = None) -> list[Row]:
    found: list[Row] = []
    search = Search(
        Branin(),
        space or Identity(),
        start,
        optimizer="gvae",
        budget=budget,
        batch=batch,
        observe=lambda new, codes: found.extend(new),
    )
    optimizers.run("gvae", search)
    return found


class Coarse(Identity):
    """Decodes to two strings, of which one means nothing."""

    def decode(self, codes):
        return ["1,1" if x < 2.5 else "nothing" for x, _ in codes]


def test_it_finds_the_minimum_of_branin():
    found = rows(Branin().start("any", 0), budget=30, batch=10)
    assert min(row.score for row in found if row.score is not None) < MINIMUM + 0.05


def test_every_proposal_counts_whether_it_is_new_or_repeated_or_means_nothing():
    found = rows(Branin().start("any", 0), budget=8, batch=4, space=Coarse())
    assert len(found) == 8
    assert any(not row.valid for row in found)
    assert sum(row.new for row in found) == 1 < sum(row.valid for row in found)


def test_a_start_without_codes_is_refused():
    with pytest.raises(BadInput, match="nothing is known of which gvae could make a model"):
        rows(Start([], Branin().start("any", 0).scores[:0]), budget=8, batch=4)
