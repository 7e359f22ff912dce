"""k-means against scikit-learn."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from methods.core.kmeans import kmeans


def _islands(centers: int = 6, each: int = 40) -> tuple[Tensor, np.ndarray]:
    """Points around centers that are far apart, and whose each is."""
    around = 20 * torch.randn(centers, 5).double() + 100
    labels = torch.arange(centers).repeat(each)
    return around[labels] + torch.randn(centers * each, 5).double(), labels.numpy()


def test_islands_are_found() -> None:
    points, labels = _islands()
    assert adjusted_rand_score(kmeans(points, 6).labels.numpy(), labels) == 1


def test_it_is_about_as_tight_as_scikit_learns_best_of_twenty() -> None:
    points = torch.randn(500, 8).double()
    best = KMeans(10, n_init=20, random_state=0).fit(points.numpy()).inertia_
    found = kmeans(points, 10, restarts=5, iterations=30).inertia.item()
    assert best * 0.99 < found < best * 1.05


def test_labels_and_inertia_are_those_of_the_nearest_centroids() -> None:
    points = torch.randn(200, 3).double() + 5
    centroids, labels, inertia = kmeans(points, 7)
    distances = cdist(points.numpy(), centroids.numpy(), "sqeuclidean")
    np.testing.assert_array_equal(labels, distances.argmin(1))
    np.testing.assert_allclose(inertia, distances.min(1).sum())


def test_at_rest_every_centroid_is_the_mean_of_its_points() -> None:
    points, _ = _islands()
    centroids, labels, _ = kmeans(points, 6, iterations=30)
    means = torch.stack([points[labels == cluster].mean(0) for cluster in range(6)])
    torch.testing.assert_close(centroids, means)


def test_points_that_coincide_leave_everything_finite() -> None:
    found = kmeans(torch.ones(10, 2), 4)
    assert found.centroids.isfinite().all()
    assert found.inertia == 0


def test_as_many_clusters_as_points_leave_nothing_between_them() -> None:
    assert kmeans(torch.randn(8, 2).double(), 8, restarts=20).inertia.item() < 1e-9


def test_equal_seeds_give_equal_clusters() -> None:
    points, _ = _islands()
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(kmeans(points, 6))
    assert torch.equal(found[0].labels, found[1].labels)
