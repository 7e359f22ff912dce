"""Whether codes of one class lie together."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.core.errors import BadInput

_ENTRIES = 2**24  # distances held at once: 128 MiB in double precision


def knn_purity(codes: Float[Tensor, "N latent"], labels: Int[Tensor, " N"]) -> float:
    """Mean percentage of a code's k nearest others that have its label, in [0, 100], with k = floor(sqrt(N)).

    Neighbors are sought in the same set by Euclidean distance; a code is not its own neighbor, its duplicates are.

    Source: the Hub-VAE paper, supplement 2.1.

    Raises:
        BadInput: fewer than two rows, which have no neighbors.
    """
    if len(codes) < 2:
        raise BadInput(f"nearest neighbors need at least 2 codes, got {len(codes)}: measure on more rows")
    # Differences of squares lose the small distances unless the codes are centered and in double precision.
    centered = (codes - codes.mean(0)).double()
    neighbors = math.isqrt(len(codes))
    rows = torch.arange(len(codes), device=codes.device)
    same = sum(_same_labels(centered, labels, chunk, neighbors) for chunk in rows.split(_chunk(len(codes))))
    return 100 * float(same) / (len(codes) * neighbors)


def _same_labels(
    codes: Float[Tensor, "N latent"], labels: Int[Tensor, " N"], rows: Int[Tensor, " C"], neighbors: int
) -> Int[Tensor, ""]:
    nearest = _nearest(codes, rows, neighbors)
    return (labels[nearest] == labels[rows].unsqueeze(1)).sum()


def _nearest(codes: Float[Tensor, "N latent"], rows: Int[Tensor, " C"], neighbors: int) -> Int[Tensor, "C neighbors"]:
    """Indices of the codes nearest to `rows`, by ||b||^2 - 2 a.b, which orders like ||a - b||^2 for every a."""
    distances = torch.addmm(codes.square().sum(1), codes[rows], codes.mT, alpha=-2)
    distances[torch.arange(len(rows), device=rows.device), rows] = torch.inf
    return distances.topk(neighbors, dim=1, largest=False).indices


def _chunk(rows: int) -> int:
    return max(1, _ENTRIES // rows)
