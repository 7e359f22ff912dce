"""Priors whose components are encoded training rows: (1/m) sum_j N(mu(x_j), variance I).

`full_log_prob` takes means that all carry gradients. `near_log_prob` takes cached ones and re-encodes with gradients
only the component nearest to each code, at a fraction of the cost. In both all m components stay in the sum, and a row
that is itself a component is left out of its own prior.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.core.gaussian_mixture import GaussianMixture

_FAR = 1e30  # a squared distance that leaves nothing of a component's density; unlike inf, 0 * _FAR is 0


def exemplar_mixture(means: Float[Tensor, "m latent"], log_variance: Float[Tensor, ""]) -> GaussianMixture:
    """(1/m) sum_j N(means_j, exp(log_variance) I)."""
    log_weights = means.new_full((len(means),), -math.log(len(means)))
    return GaussianMixture(log_weights, means, (0.5 * log_variance).exp().expand(1, means.shape[1]))


def hold_log_variance(method: nn.Module, variance: float, *, learned: bool) -> None:
    """Give `method` a `log_variance`: a parameter if it is learned, else a buffer."""
    value = torch.tensor(math.log(variance))
    if learned:
        method.register_parameter("log_variance", nn.Parameter(value))
    else:
        method.register_buffer("log_variance", value)


def encode_means(encoder: nn.Module, rows: Float[Tensor, "N *event"], latent: int) -> Float[Tensor, "N latent"]:
    """The first `latent` outputs of `encoder`, the means, 1000 rows at a time."""
    return torch.cat([encoder(part)[:, :latent] for part in rows.split(1000)])


def drawn(pool: Int[Tensor, " P"], count: int) -> Int[Tensor, " m"]:
    """Positions in the pool: `count` of them at random without replacement, or all if there are no more."""
    if len(pool) <= count:
        return torch.arange(len(pool), device=pool.device)
    return torch.randperm(len(pool), device=pool.device)[:count]


def positions(rows: Int[Tensor, " m"], index: Int[Tensor, " B"], total: int) -> Int[Tensor, " B"]:
    """Where each of `index` stands among the distinct `rows` (numbers below `total`); -1 where it does not."""
    place = rows.new_full((total,), -1)
    place[rows] = torch.arange(len(rows), device=rows.device)
    return place[index]


def full_log_prob(
    z: Float[Tensor, "B latent"],
    means: Float[Tensor, "m latent"],
    log_variance: Float[Tensor, ""],
    own: Int[Tensor, " B"],
) -> Float[Tensor, " B"]:
    """log of the mixture at every code, without the component at position `own` of a row (-1: no component is its own).

    The denominator is the number of components that are left: m, or m - 1. A single component is never left out.
    """
    distances = _without(squared_distances(z, means), own)
    total = torch.logsumexp(distances * (-0.5 * (-log_variance).exp()), 1)
    return total - _log_others(own, len(means), like=total) - _log_volume(log_variance, z.shape[1])


def near_log_prob(
    z: Float[Tensor, "B latent"],
    means: Float[Tensor, "m latent"],
    log_variance: Float[Tensor, ""],
    own: Int[Tensor, " B"],
    encode: Callable[[Int[Tensor, " U"]], Float[Tensor, "U latent"]],
) -> Float[Tensor, " B"]:
    """`full_log_prob` where `encode` brings the means nearest to the codes up to date, and they alone carry gradients.

    The gradients are those of log-sum-exp by Fisher's identity, grad log p = sum_j r_j grad log N_j with the
    responsibilities r held constant, so nothing of size (B, m) is differentiated.

    Args:
        means: cached, without gradients.
        encode: positions of components, possibly repeated, to their means.
    """
    with torch.no_grad():
        distances = squared_distances(z, means)
        nearest = _without(distances, own).argmin(1)
    # Distinct ones are fewer to encode, but a GPU would have to wait to know how many.
    chosen = nearest if nearest.is_cuda else nearest.unique()
    return _Near.apply(z, encode(chosen), log_variance, (means, distances, chosen, own))


class _Near(torch.autograd.Function):
    """log p of codes z given fresh means, and its gradients by Fisher's identity."""

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, fresh: Tensor, log_variance: Tensor, cached: tuple[Tensor, Tensor, Tensor, Tensor]
    ) -> Tensor:
        means, distances, chosen, own = cached
        means = means.index_copy(0, chosen, fresh)
        distances.index_copy_(1, chosen, squared_distances(z, fresh))
        logits = _without(distances, own) * (-0.5 * (-log_variance).exp())
        shares = torch.softmax(logits, 1)
        total = logits.amax(1) - shares.amax(1).log()  # log-sum-exp
        copies = torch.zeros_like(means[:, 0]).index_add_(0, chosen, torch.ones_like(fresh[:, 0]))
        # A component that was encoded several times, nearest to several codes: each copy takes its part.
        of_fresh = shares[:, chosen] / copies[chosen]
        spread = (shares * distances).sum(1) if log_variance.requires_grad else None
        ctx.at = z, fresh, log_variance, shares @ means, of_fresh, spread
        return total - _log_others(own, len(means), like=total) - _log_volume(log_variance, z.shape[1])

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
        z, fresh, log_variance, center, of_fresh, spread = ctx.at
        by_row = upstream[0].unsqueeze(1) / log_variance.exp()
        to_z = by_row * (center - z)
        pull = of_fresh * by_row
        to_fresh = pull.mT @ z - pull.sum(0).unsqueeze(1) * fresh
        if spread is None:
            return to_z, to_fresh, None, None
        return to_z, to_fresh, 0.5 * (by_row.squeeze(1) * spread - upstream[0] * z.shape[1]).sum(), None


def nearest_of(points: Float[Tensor, "B latent"], means: Float[Tensor, "m latent"]) -> Int[Tensor, " B"]:
    """Which of `means` is nearest to each point."""
    center = means.mean(0)
    points, means = points - center, means - center
    return torch.addmm(means.square().sum(1), points, means.mT, alpha=-2).argmin(1)


def squared_distances(a: Float[Tensor, "A latent"], b: Float[Tensor, "C latent"]) -> Float[Tensor, "A C"]:
    """|a_i - b_j|^2 by one matrix product."""
    center = b.detach().mean(0)  # around it the expanded square cancels least
    a, b = a - center, b - center
    crossed = torch.addmm(b.square().sum(1), a, b.mT, alpha=-2)
    return (crossed + a.square().sum(1, keepdim=True)).clamp_min(0)


def _without(distances: Float[Tensor, "B m"], own: Int[Tensor, " B"]) -> Float[Tensor, "B m"]:
    """`distances`, changed in place: a row's own component is far from it, unless it is the only one."""
    if distances.shape[1] == 1:
        return distances
    far = torch.where(own >= 0, _FAR, 0.0).to(distances.dtype)
    return distances.scatter_add_(1, own.clamp_min(0).unsqueeze(1), far.unsqueeze(1))


def _log_others(own: Int[Tensor, " B"], count: int, *, like: Tensor) -> Float[Tensor, " B"]:
    """log of the number of components, without the row's own."""
    return torch.where(own >= 0, max(count - 1, 1), count).to(like.dtype).log()


def _log_volume(log_variance: Float[Tensor, ""], latent: int) -> Float[Tensor, ""]:
    return 0.5 * latent * (math.log(2 * math.pi) + log_variance)
