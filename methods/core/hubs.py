"""Hubs: points that are among the nearest neighbors of unusually many others, and how good they are.

Neighbors are sought within groups (a group may be a minibatch or everything), by the 2-Wasserstein distance of diagonal
Gaussians. That is the Euclidean distance of points whose coordinates are means and standard deviations.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_ENTRIES = 2**24  # distances held at once: 64 MiB


class Neighbors(NamedTuple):
    """For every member of every group: its k nearest others, as positions in the group, nearest first."""

    positions: Int[Tensor, "G B k"]
    distances: Float[Tensor, "G B k"]


def nearest(points: Float[Tensor, "G B coordinates"], k: int) -> Neighbors:
    """The k nearest others of every point in its group; a point is not its own neighbor, its duplicates are."""
    points = points - points.mean((0, 1))
    squares = points.square().sum(2)
    own = torch.arange(points.shape[1], device=points.device)
    found = []
    for rows in own.split(max(1, _ENTRIES // squares.numel())):
        # |b|^2 - 2 a.b orders like |a - b|^2
        keys = torch.baddbmm(squares.unsqueeze(1), points[:, rows], points.mT, alpha=-2)
        keys.scatter_(2, rows.view(1, -1, 1).expand(len(points), -1, 1), torch.inf)
        found.append(keys.topk(k, dim=2, largest=False))
    positions = torch.cat([part.indices for part in found], 1)
    keys = torch.cat([part.values for part in found], 1)
    return Neighbors(positions, (keys + squares.unsqueeze(2)).clamp_min(1e-12).sqrt())


def hubness(neighbors: Neighbors) -> Float[Tensor, "G B"]:
    """N_k: of how many others each point is a neighbor. Its mean is k."""
    return _received(neighbors, torch.ones_like(neighbors.distances))


def are_hubs(hubness: Float[Tensor, "G B"], strength: float = 0.5) -> Bool[Tensor, "G B"]:
    """Whether N_k exceeds its group's mean by more than `strength` standard deviations."""
    spread = hubness.std(1, correction=0, keepdim=True)
    return hubness > hubness.mean(1, keepdim=True) + strength * spread


def log_goodness(neighbors: Neighbors, log_worth: Float[Tensor, "G B k"]) -> Float[Tensor, "G B"]:
    """log G(h), G(h) = sum over h's reverse neighbors r of worth(r, h), divided by the sum of their distances to h.

    Hub-VAE, section 3.1, where the worth is p(x_h | z_r): in logarithms, as the density of an image is no number that
    a computer can hold. -inf for points that are nobody's neighbor.

    Args:
        log_worth: of each neighbor, as seen from the point whose neighbor it is.
    """
    positions, values = neighbors.positions.flatten(1), log_worth.flatten(1)
    top = torch.full_like(log_worth[:, :, 0], -torch.inf).scatter_reduce_(1, positions, values, "amax")
    relative = (values - top.gather(1, positions)).exp().view_as(log_worth)
    lengths = _received(neighbors, neighbors.distances).clamp_min(1e-12)
    return top + _received(neighbors, relative).log() - lengths.log()


def good(scores: Float[Tensor, " H"], floor: int) -> Bool[Tensor, " H"]:
    """Those whose z-score is at least half the largest, or the best `floor` if they are more."""
    count = max(int(passing(scores).sum()), min(floor, len(scores)))
    best = scores.topk(count).indices
    return torch.zeros_like(scores, dtype=torch.bool).index_fill_(0, best, True)


def passing(scores: Float[Tensor, " H"]) -> Bool[Tensor, " H"]:
    """Which z-scores are at least half the largest z-score."""
    centered = scores - scores.mean()  # the standard deviation divides both sides
    return centered >= centered.max() / 2


def _received(neighbors: Neighbors, given: Float[Tensor, "G B k"]) -> Float[Tensor, "G B"]:
    """Sums of what every point is given by those whose neighbor it is."""
    zeros = torch.zeros_like(given[:, :, 0])
    return zeros.scatter_add_(1, neighbors.positions.flatten(1), given.flatten(1))
