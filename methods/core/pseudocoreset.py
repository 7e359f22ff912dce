"""Bayesian pseudocoresets: a few weighted, made-up data whose likelihood says of a code what all data say.

With log-likelihoods f(x, z), data x_1 … x_N and the coreset's points u_m with weights w_m, the distance is
KL(pi_uw || pi), pi_uw proportional to pi_0(z) exp(sum_m w_m f(u_m, z)) and pi to pi_0(z) exp(sum_n f(x_n, z)).

Source: Manousakas et al. 2020, "Bayesian Pseudocoresets".
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from methods.core.base import Batch, Decoder

_ENTRIES = 2**25  # values of data times draws that are decoded at once: 128 MiB


def coreset_gradient(
    decoder: Decoder,
    batch: Batch,
    points: Float[Tensor, "M *event"],
    weights: Float[Tensor, " M"],
    draws: Float[Tensor, "S code"],
    rows: int,
) -> tuple[Float[Tensor, "M *event"], Float[Tensor, " M"]]:
    """Gradients of the distance in `points` and `weights`, estimated from codes drawn from pi_uw and some of the data.

    In the weights it is -Cov_z[f(u_m, z), r(z)] and in the points -w_m Cov_z[df(u_m, z)/du_m, r(z)], where
    r(z) = (rows/B) sum_b f(x_b, z) - sum_m w_m f(u_m, z). Without bias: covariances are divided by S - 1.

    Args:
        batch: B random data out of `rows`; the likelihood sees their x.
        draws: S codes, at least two.
    """
    # One residual a draw. Centered, it makes centering the other factor of a covariance needless.
    with torch.no_grad():
        residuals = [
            _scores(decoder, batch.x, z).sum(1) * (rows / len(batch)) - _scores(decoder, points, z) @ weights
            for z in _pieces(draws, max(len(batch), len(points)) * points[0].numel())
        ]
    residual = torch.cat(residuals)
    residual = (residual - residual.mean()) / (len(draws) - 1)
    to_points, to_weights = torch.zeros_like(points), torch.zeros_like(weights)
    pieces = _pieces(torch.cat([draws, residual.unsqueeze(1)], 1), points.numel())
    for piece in pieces:
        z, share = piece[:, :-1], piece[:, -1]
        with torch.enable_grad():
            moving = points.detach().requires_grad_()
            scores = _scores(decoder, moving, z)  # (S, M)
            (slope,) = torch.autograd.grad(-(share @ scores) @ weights, moving)
        to_points += slope
        to_weights -= share @ scores.detach()
    return to_points, to_weights


def _pieces(draws: Float[Tensor, "S columns"], each: int) -> Iterator[Float[Tensor, "s columns"]]:
    return iter(draws.split(max(1, _ENTRIES // each)))


def _scores(decoder: Decoder, x: Float[Tensor, "M *event"], z: Float[Tensor, "S code"]) -> Float[Tensor, "S M"]:
    """log p(x_m | z_s) of all data under all codes."""
    return decoder.log_prob_of_each(x.unsqueeze(0).expand(len(z), *x.shape), z)
