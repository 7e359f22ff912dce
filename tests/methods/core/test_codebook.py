from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import cdist

from methods.core.codebook import Certain, Codebook, looked_up, nearest, owners


@pytest.mark.parametrize(("latent", "positions"), [(12, 4), (5, 2), (10, 4), (3, 3), (7, 1)])
def test_positions_share_the_dimensions_up_to_one(latent: int, positions: int) -> None:
    sizes = owners(latent, positions).bincount(minlength=positions)
    assert sizes.sum() == latent
    assert sizes.max() - sizes.min() <= 1


def test_the_nearest_vectors_are_those_of_a_search_at_every_position() -> None:
    z, vectors, owner = torch.randn(30, 7).double(), torch.randn(9, 7).double(), owners(7, 3)
    index = nearest(z, vectors, owner, 3)
    for position in range(3):
        own = owner == position
        np.testing.assert_array_equal(index[:, position], cdist(z[:, own], vectors[:, own]).argmin(1))


def test_a_code_is_its_own_nearest() -> None:
    index, vectors, owner = torch.randint(9, (20, 3)), torch.randn(9, 7), owners(7, 3)
    torch.testing.assert_close(nearest(looked_up(index, vectors, owner), vectors, owner, 3), index)


def test_probabilities_of_all_codes_sum_to_one() -> None:
    vectors, owner = torch.randn(4, 5), owners(5, 3)
    prior = Codebook(torch.randn(3, 4).log_softmax(1), vectors, owner)
    every = torch.tensor(list(itertools.product(range(4), repeat=3)))
    assert prior.log_prob(looked_up(every, vectors, owner)).exp().sum().item() == pytest.approx(1)


def test_codes_are_drawn_as_often_as_they_are_probable() -> None:
    logarithm, vectors, owner = torch.randn(2, 3).log_softmax(1), torch.randn(3, 4), owners(4, 2)
    prior = Codebook(logarithm, vectors, owner)
    index = nearest(prior.sample(torch.Size([20_000])), vectors, owner, 2)
    found = (3 * index[:, 0] + index[:, 1]).bincount(minlength=9)
    expected = 20_000 * torch.outer(logarithm[0].exp(), logarithm[1].exp()).flatten().double().numpy()
    # A chi-squared test at 1e-6.
    assert stats.chisquare(found, expected * 20_000 / expected.sum()).pvalue > 1e-6


@pytest.mark.parametrize("shape", [(), (7,), (2, 3)])
def test_draws_have_the_shape_that_is_asked_for(shape: tuple[int, ...]) -> None:
    prior = Codebook(torch.zeros(2, 3).log_softmax(1), torch.randn(3, 4), owners(4, 2))
    draws = prior.sample(torch.Size(shape))
    assert draws.shape == (*shape, 4)
    torch.testing.assert_close(prior.log_prob(draws), torch.full(shape, -2 * math.log(3)))


def test_a_certain_code_has_probability_one_and_every_other_none() -> None:
    codes = torch.randn(3, 4)
    assert Certain(codes).log_prob(codes).tolist() == [0, 0, 0]
    assert Certain(codes).log_prob(codes + 1).exp().tolist() == [0, 0, 0]
