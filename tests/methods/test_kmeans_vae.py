from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from torch.distributions import Independent, Normal, kl_divergence

import methods
from methods.core.base import Data, Method, Split
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines import networks
from pipelines.datasets.dataset import Dataset


def _method(latent: int = 4, rows: int = 1000, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=rows, classes=10, likelihood="bernoulli")
    return methods.build("kmeans_vae", domain, latent, **hyper)


def _refreshed(digits: Dataset, epochs: int = 1, **hyper: object) -> tuple[Method, np.ndarray]:
    """A method after so many starts of an epoch, and the codes of its training rows."""
    method = _method(**hyper)
    for epoch in range(epochs):
        method.start_epoch(epoch, digits.data)
    return method, encode(method, digits.data.train).double().numpy()


def _centroids(method: Method) -> np.ndarray:
    return method.state_dict()["centroids"].double().numpy()


@pytest.mark.parametrize("epochs", [1, 3])
def test_every_centroid_is_the_mean_of_the_codes_nearest_to_it(digits: Dataset, epochs: int) -> None:
    method, codes = _refreshed(digits, epochs)
    nearest = cdist(codes, _centroids(method)).argmin(1)
    means = np.stack([codes[nearest == k].mean(0) for k in range(10)])
    np.testing.assert_allclose(_centroids(method), means, atol=1e-4 * codes.std())


def test_the_clusters_are_as_tight_as_scikit_learns(digits: Dataset) -> None:
    method, codes = _refreshed(digits)
    best = KMeans(10, n_init=20, random_state=0).fit(codes).inertia_
    # One start, not the best of twenty.
    assert (cdist(codes, _centroids(method)).min(1) ** 2).sum() < 1.15 * best


def test_later_epochs_start_from_the_last_centroids(digits: Dataset) -> None:
    method, codes = _refreshed(digits)
    before = _centroids(method)
    torch.manual_seed(9)
    method.start_epoch(1, digits.data)
    # They were at rest, so they stay where they were, in their order: a new start would number them anew.
    np.testing.assert_allclose(_centroids(method), before, atol=1e-3 * codes.std())


def test_the_weights_of_the_prior_are_the_shares_of_the_codes(digits: Dataset) -> None:
    method, codes = _refreshed(digits)
    nearest = cdist(codes, _centroids(method)).argmin(1)
    shares = np.bincount(nearest, minlength=10) / len(codes)
    np.testing.assert_allclose(method.prior().mixture_distribution.probs, shares, atol=0.002)


def test_the_prior_is_the_mixture_of_unit_gaussians_at_the_centroids(digits: Dataset) -> None:
    method, _ = _refreshed(digits)
    z = torch.randn(20, 4)
    weights = method.prior().mixture_distribution.probs.numpy()
    parts = [w * stats.norm.pdf(z, c).prod(1) for w, c in zip(weights, _centroids(method), strict=True)]
    np.testing.assert_allclose(method.prior().log_prob(z), np.log(sum(parts)), rtol=1e-5)


def test_the_prior_integrates_to_one(digits: Dataset) -> None:
    method, _ = _refreshed(digits, latent=2, clusters=3)
    axis = torch.arange(-9, 9, 0.05, dtype=torch.double)
    density = method.double().prior().log_prob(torch.cartesian_prod(axis, axis)).exp()
    assert density.sum().item() * 0.05**2 == pytest.approx(1, abs=1e-6)


def test_the_rate_is_the_divergence_from_the_gaussian_at_the_nearest_centroid(digits: Dataset) -> None:
    method, _ = _refreshed(digits)
    batch = digits.data.train[torch.arange(50)]
    posterior = method.posterior(batch.x)
    nearest = cdist(posterior.mean.detach().double().numpy(), _centroids(method)).argmin(1)
    means = torch.from_numpy(_centroids(method)[nearest]).float()
    expected = kl_divergence(posterior, Independent(Normal(means, torch.ones_like(means)), 1)).mean()
    torch.testing.assert_close(method.loss(batch)["rate"], expected)


def test_the_terms_are_the_reconstruction_and_the_rate(digits: Dataset) -> None:
    method, _ = _refreshed(digits)
    assert set(method.loss(digits.data.train[torch.arange(5)])) == {"reconstruction", "rate"}


def test_a_cluster_that_lost_its_codes_gets_new_ones(digits: Dataset) -> None:
    method, codes = _refreshed(digits)
    with torch.no_grad():
        method.get_buffer("centroids")[3] = 1e3
    method.start_epoch(1, digits.data)
    assert method.get_buffer("frequencies").gt(0).all()
    assert np.abs(_centroids(method)).max() <= np.abs(codes).max()


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_fewer_distinct_codes_than_clusters_leave_a_prior_that_is_finite(digits: Dataset) -> None:
    method, rows = _method(clusters=5), digits.data.train.x[torch.arange(3).repeat(20)]
    split = Split(rows, rows)
    for epoch in range(2):
        method.start_epoch(epoch, Data(split, split, split))
    codes = encode(method, split)
    assert method.get_buffer("frequencies").sum().item() == pytest.approx(1)
    assert method.prior().log_prob(codes).isfinite().all()


def test_equal_seeds_give_equal_centroids(digits: Dataset) -> None:
    method = _method()
    found = []
    for seed in (1, 1):
        torch.manual_seed(seed)
        method.start_epoch(0, digits.data)
        found.append(_centroids(method))
    np.testing.assert_array_equal(*found)


def test_more_clusters_than_rows_are_refused() -> None:
    with pytest.raises(BadInput, match=r"kmeans_vae.clusters must be at most the number of rows \(9\), got 10"):
        _method(rows=9)


def test_as_many_clusters_as_rows_are_possible(digits: Dataset) -> None:
    method, few = _method(rows=10), digits.data.train.head(10)
    method.start_epoch(0, Data(few, few, few))
    torch.testing.assert_close(method.get_buffer("frequencies"), torch.full((10,), 0.1))
