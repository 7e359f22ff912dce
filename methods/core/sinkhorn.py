"""Assignments that use every prototype equally, by entropic optimal transport."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

_SWEEPS = 10  # between two looks at the column sums, each of which waits for the device


@torch.no_grad()
def sinkhorn(
    scores: Float[Tensor, "B K"], epsilon: float, *, tolerance: float = 0.01, sweeps: int = 1000
) -> Float[Tensor, "B K"]:
    """The plan Q that maximizes <Q, scores> + epsilon H(Q) among those whose rows sum to 1 and columns to B / K.

    Rows and columns of scores / epsilon are normalized in turn, as logarithms: exponentials of the scores themselves
    overflow where the scores are raw dot products. Rows sum to 1 exactly; it stops once every column sum is within
    `tolerance` (relative) of B / K, or after `sweeps` sweeps. Without gradients.

    Source: Cuturi 2013, Algorithm 1; Caron et al. 2020 (SwAV), Eq. 3, which always stop after three sweeps.

    Args:
        scores: similarity of every row to every prototype.
        epsilon: weight of the entropy, in the unit of the scores. Small values need many sweeps.
        tolerance: of the column sums.
        sweeps: at most so many.
    """
    logarithm, target = scores / epsilon, len(scores) / scores.shape[1]
    for sweep in range(1, sweeps + 1):
        columns = logarithm - logarithm.logsumexp(0) + math.log(target)
        logarithm = columns.log_softmax(1)
        if sweep % _SWEEPS == 0 and _imbalance(logarithm, target) < tolerance:
            break
    return logarithm.exp()


def _imbalance(logarithm: Float[Tensor, "B K"], target: float) -> float:
    return (logarithm.exp().sum(0) / target - 1).abs().max().item()
