"""Exemplar priors against scipy, double loops and plain automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from torch import Tensor, nn

from methods.core.exemplars import (
    _Near,
    drawn,
    encode_means,
    exemplar_mixture,
    full_log_prob,
    near_log_prob,
    positions,
    squared_distances,
)

NONE = torch.full((6,), -1)
OWN = torch.tensor([2, -1, 0, 4, -1, 2])


def _codes(rows: int = 6, components: int = 5, latent: int = 3) -> tuple[Tensor, Tensor]:
    return torch.randn(rows, latent).double(), 2 * torch.randn(components, latent).double()


def _double_loop(z: Tensor, means: Tensor, variance: float, own: Tensor) -> np.ndarray:
    """Components one by one, without the row's own, divided by how many are left."""
    values = []
    for code, mine in zip(z.detach().numpy(), own.tolist(), strict=True):
        left = [mean for j, mean in enumerate(means.detach().numpy()) if j != mine]
        each = [scipy.stats.multivariate_normal(mean, variance * np.eye(len(code))).logpdf(code) for mean in left]
        values.append(logsumexp(each) - np.log(len(left)))
    return np.array(values)


@pytest.mark.parametrize("own", [NONE, OWN])
@pytest.mark.parametrize("variance", [1.0, 0.3])
def test_the_full_density_is_that_of_a_double_loop_without_the_rows_own_component(own: Tensor, variance: float) -> None:
    z, means = _codes()
    found = full_log_prob(z, means, torch.tensor(variance, dtype=torch.double).log(), own)
    np.testing.assert_allclose(found, _double_loop(z, means, variance, own), rtol=1e-9)


def test_without_leaving_any_out_it_is_the_mixture() -> None:
    z, means = _codes()
    log_variance = torch.tensor(0.4).double()
    expected = exemplar_mixture(means, log_variance).log_prob(z)
    torch.testing.assert_close(full_log_prob(z, means, log_variance, NONE), expected)


def test_a_single_component_is_never_left_out() -> None:
    z, means = _codes(components=1)
    found = full_log_prob(z, means, torch.tensor(0.0).double(), torch.zeros(6, dtype=torch.long))
    expected = scipy.stats.multivariate_normal(means[0].numpy(), np.eye(3)).logpdf(z.numpy())
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("own", [NONE, OWN])
def test_with_all_means_up_to_date_the_near_density_is_the_full_one(own: Tensor) -> None:
    z, means = _codes()
    log_variance = torch.tensor(-0.5).double()
    found = near_log_prob(z, means, log_variance, own, lambda chosen: means[chosen])
    torch.testing.assert_close(found, full_log_prob(z, means, log_variance, own))


@pytest.mark.parametrize("own", [NONE, OWN])
def test_the_near_gradients_are_those_of_log_sum_exp_over_the_means_that_were_encoded(own: Tensor) -> None:
    """Codes share nearest components, so one that counted twice would show."""
    z, means = _codes(components=5)
    shift = torch.randn(5, 3).double() * 0.1
    inputs = [z.requires_grad_(), shift.requires_grad_(), torch.tensor(-0.5).double().requires_grad_()]
    chosen: list[Tensor] = []

    def encode(positions: Tensor) -> Tensor:
        chosen.append(positions)
        return (means + shift)[positions]

    upstream = torch.rand(6).double()  # not the same for all rows
    near = torch.autograd.grad((upstream * near_log_prob(z, means, inputs[2], own, encode)).sum(), inputs)
    assert len(chosen[0].unique()) < len(z)
    encoded = torch.zeros(5, 1, dtype=torch.double).index_fill(0, chosen[0], 1)
    full = torch.autograd.grad((upstream * full_log_prob(z, means + encoded * shift, inputs[2], own)).sum(), inputs)
    torch.testing.assert_close(near, full)


def test_the_component_that_is_encoded_is_the_nearest_but_not_the_rows_own() -> None:
    z, means = _codes()
    chosen: list[Tensor] = []
    near_log_prob(z, means, torch.tensor(0.0), OWN, lambda p: chosen.append(p) or means[p])  # type: ignore[func-returns-value]
    distances = cdist(z.numpy(), means.numpy())
    for row, mine in enumerate(OWN.tolist()):
        if mine >= 0:
            distances[row, mine] = np.inf
    np.testing.assert_array_equal(chosen[0], np.unique(distances.argmin(1)))


def test_a_component_that_is_encoded_twice_counts_once() -> None:
    """As on a GPU, where the nearest components are encoded with their repetitions."""
    z, means = _codes()
    fresh, log_variance = means[[1, 3]].clone().requires_grad_(), torch.tensor(0.3).double()
    gradients = []
    for chosen in (torch.tensor([1, 3]), torch.tensor([1, 3, 1, 1])):
        copies = torch.where(chosen == 1, 0, 1)
        cached = (means, squared_distances(z, means), chosen, OWN)
        value = _Near.apply(z, fresh[copies], log_variance, cached)
        gradients.append(torch.autograd.grad(value.square().sum(), fresh)[0])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_far_from_the_origin_float32_distances_stay_exact() -> None:
    a, b = torch.randn(10, 40) + 1000, torch.randn(20, 40) + 1000
    torch.testing.assert_close(squared_distances(a, b), torch.cdist(a.double(), b.double()).square().float())


def test_all_of_a_small_pool_is_drawn_and_of_a_large_one_distinct_members() -> None:
    assert drawn(torch.arange(5), 5).tolist() == [0, 1, 2, 3, 4]
    some = drawn(torch.arange(50), 20)
    assert len(some.unique()) == 20
    assert some.max() < 50


def test_every_member_of_the_pool_is_drawn_equally_often() -> None:
    """Chi-squared at a false-alarm rate of 1e-6 (drawing without replacement varies less)."""
    counts = torch.cat([drawn(torch.arange(10), 3) for _ in range(3000)]).bincount(minlength=10)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-6


def test_positions_say_where_a_row_stands_or_that_it_does_not() -> None:
    assert positions(torch.tensor([7, 2, 5]), torch.tensor([5, 0, 7]), total=8).tolist() == [2, -1, 0]


def test_means_are_the_first_half_of_what_the_encoder_returns() -> None:
    encoder, rows = nn.Linear(4, 6), torch.randn(2300, 4)
    torch.testing.assert_close(encode_means(encoder, rows, 3), encoder(rows)[:, :3])
