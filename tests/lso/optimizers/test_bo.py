"""`bo` beside what holds for every optimizer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from botorch.sampling.pathwise import draw_matheron_paths
from botorch.utils.sampling import manual_seed

from lso import optimizers
from lso.optimizers import bo
from lso.record import Row
from lso.search import Search
from lso.task import Start
from lso.tasks.branin import MINIMUM, Branin, Identity


@pytest.fixture(scope="module")
def model() -> SingleTaskGP:
    x = torch.rand(15, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return bo.fit(x, -(x - 0.4).square().sum(1) + 0.1 * torch.sin(9 * x[:, 0]), None)[0]


def test_it_finds_the_minimum_of_branin():
    search = Search(Branin(), Identity(), Branin().start("any", 0), optimizer="bo", budget=30, batch=10)
    optimizers.run("bo", search)
    assert search.costs.min() < MINIMUM + 0.05


def test_no_point_of_a_grid_is_higher_on_its_draw_than_the_maximum_of_the_draw(model: SingleTaskGP):
    best = torch.tensor([[0.4, 0.4]], dtype=torch.float64)
    axis = torch.linspace(0, 1, 41, dtype=torch.float64)
    with manual_seed(3):
        found = bo.maxima(model, best, 5)
    with manual_seed(3), torch.no_grad():
        paths = draw_matheron_paths(model, sample_shape=torch.Size([5]))
        highest = paths(torch.cartesian_prod(axis, axis)).max(-1).values
        own = paths(found[:, None])[:, 0]
    assert (own > highest - 1e-3).all()


def test_bad_costs_are_winsorized_to_one_value():
    costs = bo._winsorized(np.arange(20.0))
    assert (costs[:18] == np.arange(18)).all()
    assert costs[18] == costs[19] == np.quantile(np.arange(20.0), 0.9)


def test_where_nothing_is_known_it_begins_with_draws_from_the_prior():
    rows: list[Row] = []
    nothing = Start([], np.array([]))
    search = Search(
        Branin(), Identity(), nothing, optimizer="bo", budget=12, batch=4, observe=lambda new, codes: rows.extend(new)
    )
    optimizers.run("bo", search)
    assert [row.source for row in rows[:4]] == ["prior"] * 4
    assert "thompson" in [row.source for row in rows[4:]]
