"""What holds for every optimizer, without a line for it here."""

from __future__ import annotations

import numpy as np
import pytest

from lso import optimizers
from lso.record import Row
from lso.search import Search
from lso.tasks.branin import MINIMUM, Branin, Identity
from methods.core.errors import BadInput

NAMES = [
    name for name in optimizers.names() if name not in ("ga", "graph_ga", "hybrid", "weighted_retraining")
]  # these breed strings or graphs, or train a decoder


def rows_of(
    name: str, *, budget: int = 12, batch: int = 4, seed: int = 0, knowledge: str = "black_box", known=None
) -> list[Row]:
    rows: list[Row] = []
    task = Branin()
    under = Search(
        task,
        Identity(),
        task.start("any", 0),
        optimizer=name,
        seed=seed,
        budget=budget,
        batch=batch,
        knowledge=knowledge,
        known=known,
        observe=lambda new, codes: rows.extend(new),
    )
    optimizers.run(name, under)
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_a_run_has_no_more_calls_than_its_budget_and_says_how_proposals_were_made(name: str):
    rows = rows_of(name)
    assert rows[-1].unique_calls == sum(row.new for row in rows) <= 12
    assert all(row.source for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_everything(name: str):
    assert rows_of(name) == rows_of(name)
    assert [row.string for row in rows_of(name)] != [row.string for row in rows_of(name, seed=1)]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_goes_on_from_known_scores_as_if_it_had_never_stopped(name: str):
    whole = rows_of(name)
    known = {row.string: row.score for row in whole[:7] if row.new and row.score is not None}
    assert rows_of(name, known=known) == whole


@pytest.mark.parametrize("name", ["local", "latent_generations", "portfolio", "trust_region"])
def test_a_model_finds_the_minimum_of_branin(name: str):
    best = min(row.score for row in rows_of(name, budget=50, batch=10) if row.score is not None)
    assert best < MINIMUM + 0.05


def test_half_of_a_portfolio_is_bred_also_where_batches_are_odd():
    rows = [row for row in rows_of("portfolio", budget=30, batch=5) if row.new]
    near = [sum(row.iteration == step for row in rows) for step in range(6)]
    assert near == [5] * 6


def test_descriptors_help_as_codes_do_where_they_are_the_same():
    best = min(
        row.score for row in rows_of("local", budget=50, batch=10, knowledge="descriptor") if row.score is not None
    )
    assert best < MINIMUM + 0.05


def test_cmaes_comes_close_to_the_minimum_of_branin():
    assert min(row.score for row in rows_of("cmaes", budget=120, batch=10) if row.score is not None) < MINIMUM + 0.5


def test_random_never_looks_at_the_scores_of_the_start():
    rows = rows_of("random")
    start = Branin().start("any", 0)
    assert {row.string for row in rows} <= set(start.strings)
    assert all(row.new for row in rows)
    assert np.mean([row.score for row in rows if row.score]) > start.scores.min() + 1


def test_an_optimizer_without_a_language_to_breed_in_says_so():
    with pytest.raises(BadInput, match="no language in which strings are bred"):
        rows_of("ga")


def test_hybrid_refuses_a_task_whose_strings_nothing_breeds():
    with pytest.raises(BadInput, match="names no way to breed strings: use local"):
        rows_of("hybrid")


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one():
    with pytest.raises(BadInput, match="did you mean 'trust_region'"):
        optimizers.get("trust_regoin")
