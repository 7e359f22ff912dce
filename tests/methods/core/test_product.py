from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import OneHotCategorical

from methods.core.distributions import gaussian, standard_normal
from methods.core.product import Product, category


def _product(rows: int = 5) -> tuple[Product, Tensor, Tensor]:
    statistics, logits = torch.randn(rows, 4).double(), torch.randn(rows, 3).double()
    return Product([gaussian(statistics), category(logits)]), statistics, logits


def test_the_log_density_is_the_sum_over_the_parts() -> None:
    product, statistics, logits = _product()
    z = product.sample()
    normal = stats.norm.logpdf(z[:, :2], statistics[:, :2], (0.5 * statistics[:, 2:]).exp()).sum(1)
    chosen = logits.log_softmax(1).numpy()[np.arange(5), z[:, 2:].argmax(1)]
    np.testing.assert_allclose(product.log_prob(z), normal + chosen)


def test_moments_are_those_of_the_parts_side_by_side() -> None:
    product, statistics, logits = _product()
    torch.testing.assert_close(product.mean[:, :2], statistics[:, :2])
    torch.testing.assert_close(product.variance[:, :2], statistics[:, 2:].exp())
    torch.testing.assert_close(product.variance[:, 2:], OneHotCategorical(logits=logits).variance)


def test_a_category_is_represented_by_the_most_probable() -> None:
    mean = category(torch.tensor([[0.1, 0.5, 0.2], [3.0, -1.0, 2.9]])).mean
    assert mean.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_draws_have_hard_categories_as_often_as_they_are_probable() -> None:
    product, _, logits = _product(1)
    draws = product.sample(torch.Size([20_000])).squeeze(1)[:, 2:]
    assert draws.unique().tolist() == [0, 1]
    expected = 20_000 * logits.softmax(1).squeeze(0).numpy()
    # A chi-squared test at 1e-6.
    assert stats.chisquare(draws.sum(0).numpy(), expected, sum_check=False).pvalue > 1e-6


def test_gradients_pass_through_draws_of_all_parts() -> None:
    statistics, logits = torch.randn(5, 4, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    draws = Product([gaussian(statistics), category(logits)]).rsample()
    gradients = torch.autograd.grad((draws * torch.randn_like(draws)).sum(), [statistics, logits])
    assert all(gradient.ne(0).all() for gradient in gradients)


@pytest.mark.parametrize("shape", [(), (7,), (2, 3)])
def test_draws_without_a_batch_have_the_shape_that_is_asked_for(shape: tuple[int, ...]) -> None:
    prior = Product([standard_normal(2, like=torch.zeros(1)), category(torch.zeros(3))])
    draws = prior.sample(torch.Size(shape))
    assert draws.shape == (*shape, 5)
    assert prior.log_prob(draws).shape == shape
