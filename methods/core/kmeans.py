"""k-means on the points' own device, without a step that waits for it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Clusters(NamedTuple):
    """The best of several runs: centroids, the nearest centroid of every point, and the sum of squared distances."""

    centroids: Float[Tensor, "K latent"]
    labels: Int[Tensor, " N"]
    inertia: Float[Tensor, ""]


def kmeans(points: Float[Tensor, "N latent"], clusters: int, *, restarts: int = 3, iterations: int = 15) -> Clusters:
    """k-means++ and `iterations` of Lloyd, `restarts` times at once; the tightest run wins.

    A centroid that loses all its points stays where it is.

    Source: Arthur and Vassilvitskii 2007.

    Args:
        clusters: K, at most N.
    """
    center = points.mean(0)
    points = points - center
    centroids = _spread(points, clusters, restarts)
    for _ in range(iterations):
        members = torch.nn.functional.one_hot(_distances(points, centroids).argmin(2), clusters).to(points.dtype)
        counts = members.sum(1).unsqueeze(2)
        moved = members.mT @ points / counts.clamp_min(1)
        centroids = torch.where(counts > 0, moved, centroids)
    nearest = _distances(points, centroids).min(2)
    best = nearest.values.sum(1).argmin()
    return Clusters(centroids[best] + center, nearest.indices[best], nearest.values[best].sum())


def _spread(points: Float[Tensor, "N latent"], clusters: int, restarts: int) -> Float[Tensor, "R K latent"]:
    """Points drawn one after the other in proportion to their squared distance from the nearest drawn before."""
    chosen = [points[torch.randint(len(points), (restarts,), device=points.device)]]
    distances = _distances(points, chosen[0].unsqueeze(1)).squeeze(2)
    for _ in range(clusters - 1):
        drawn = torch.multinomial(distances.clamp_min(1e-12), 1).squeeze(1)
        chosen.append(points[drawn])
        distances = torch.minimum(distances, _distances(points, chosen[-1].unsqueeze(1)).squeeze(2))
    return torch.stack(chosen, 1)


def _distances(points: Float[Tensor, "N latent"], centroids: Float[Tensor, "R K latent"]) -> Float[Tensor, "R N K"]:
    squares = points.square().sum(1).unsqueeze(1) + centroids.square().sum(2).unsqueeze(1)
    return (squares - 2 * points @ centroids.mT).clamp_min(0)
