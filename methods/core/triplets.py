"""A hinge between neighbors of a batch that share a label and neighbors that do not."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def neighborhood_hinge(
    points: Float[Tensor, "B coordinates"], labels: Int[Tensor, " B"], margin: float = 1.0
) -> Float[Tensor, " B"]:
    """sum_n max(0, W(a, p) - W(a, n) + margin) for every row a, by Euclidean distance W.

    The neighborhood of a is its floor(sqrt(B)) nearest others, less those farther than two standard deviations above
    the mean, over the batch, of the distance to the last of them. p is the farthest neighbor with a's label, and n runs
    over the neighbors with another; a row without either has 0, and so has a batch of fewer than three.

    Source: Hub-VAE, section 3.3.
    """
    neighbors = math.isqrt(len(points))
    if len(points) < 3:
        return points.sum(1) * 0
    # Centered, the expanded squares cancel least; sqrt has no gradient at 0.
    points = points - points.detach().mean(0)
    squares = points.square().sum(1)
    distances = (squares.unsqueeze(1) + squares - 2 * points @ points.mT).clamp_min(1e-12).sqrt()
    with torch.no_grad():
        others = distances.detach().clone().fill_diagonal_(torch.inf)
        near, chosen = others.topk(neighbors, dim=1, largest=False)
        last = near[:, -1]
        inside = near <= last.mean() + 2 * last.std(correction=0)
        same = labels[chosen] == labels.unsqueeze(1)
        positive, negative = inside & same, inside & ~same
        farthest = torch.where(positive, near, -1.0).argmax(1, keepdim=True)
        counted = negative & positive.any(1, keepdim=True)
    to_neighbors = distances.gather(1, chosen)
    hinge = (to_neighbors.gather(1, farthest) - to_neighbors + margin).clamp_min(0)
    return torch.where(counted, hinge, 0.0).sum(1)
