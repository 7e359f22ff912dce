"""Maximum mean discrepancy of two samples, and a kernel for codes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)

Kernel = Callable[[Tensor, Tensor], Tensor]
"""(A, latent) and (B, latent) codes -> (A, B) similarities."""


def mmd(a: Float[Tensor, "A latent"], b: Float[Tensor, "B latent"], kernel: Kernel) -> Float[Tensor, ""]:
    """MMD^2, the squared distance of mean embeddings: E k(a, a') - 2 E k(a, b) + E k(b, b').

    Pairs within a sample leave out i = j (a U-statistic), pairs across take all, so the estimate is unbiased: zero in
    expectation where both have one law, and below zero in some batches. A sample of one has no pairs: the result is 0.

    Source: Gretton et al. 2012, Eq. 3; the estimate of the authors' code of WAE (Tolstikhin et al. 2018).
    """
    if min(len(a), len(b)) < 2:
        return 0 * (a.sum() + b.sum())
    return _mean_of_pairs(kernel(a, a)) - 2 * kernel(a, b).mean() + _mean_of_pairs(kernel(b, b))


def inverse_multiquadratics(a: Float[Tensor, "A latent"], b: Float[Tensor, "B latent"]) -> Float[Tensor, "A B"]:
    """sum_s C_s / (C_s + |a - b|^2) over s in 0.1, 0.2, 0.5, 1, 2, 5, 10, where C_s = 2 latent s.

    2 latent is the expected squared distance of two draws of N(0, I). The tails fall polynomially, so that outliers
    feel the pull. The kernel's greatest value is 7, the number of scales.

    Source: Tolstikhin et al. 2018, section 4 (one scale) and the authors' code (seven).
    """
    squares, span = torch.cdist(a, b).square(), 2 * a.shape[1]
    return torch.stack([span * scale / (span * scale + squares) for scale in _SCALES]).sum(0)


def _mean_of_pairs(kernel: Float[Tensor, "A A"]) -> Float[Tensor, ""]:
    """The mean of the entries off the diagonal."""
    return (kernel.sum() - kernel.diagonal().sum()) / (len(kernel) * (len(kernel) - 1))
