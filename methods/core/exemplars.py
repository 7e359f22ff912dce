"""Priors whose components are encoded training rows: (1/m) sum_j N(mu(x_j), variance I).

`full_log_prob` takes means that all carry gradients. `near_log_prob` takes cached ones and re-encodes with gradients
only the component nearest to each code, at a fraction of the cost. In both all m components stay in the sum, and a row
that is itself a component is left out of its own prior.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.core.gaussian_mixture import GaussianMixture

_FAR = 1e30  # a squared distance that leaves nothing of a component's density; unlike inf, 0 * _FAR is 0


def exemplar_mixture(means: Float[Tensor, "m latent"], log_variance: Float[Tensor, ""]) -> GaussianMixture:
    """(1/m) sum_j N(means_j, exp(log_variance) I)."""
    log_weights = means.new_full((len(means),), -math.log(len(means)))
    return GaussianMixture(log_weights, means, (0.5 * log_variance).exp().expand(1, means.shape[1]))


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
    return _log_mean(_others(squared_distances(z, means), own), log_variance, own, z.shape[1])


def near_log_prob(
    z: Float[Tensor, "B latent"],
    means: Float[Tensor, "m latent"],
    log_variance: Float[Tensor, ""],
    own: Int[Tensor, " B"],
    encode: Callable[[Int[Tensor, " B"]], Float[Tensor, "B latent"]],
) -> Float[Tensor, " B"]:
    """`full_log_prob` where `encode` brings the means nearest to the codes up to date, and they alone carry gradients.

    The gradients are those of log-sum-exp by Fisher's identity, grad log p = sum_j r_j grad log N_j with the
    responsibilities r held constant, so nothing of size (B, m) is differentiated.

    Args:
        means: cached, without gradients.
        encode: positions of components, possibly repeated, to their means.
    """
    code, variance = z.detach(), log_variance.exp()
    nearest = _others(squared_distances(code, means), own).argmin(1)
    fresh = encode(nearest)
    means = means.index_copy(0, nearest, fresh.detach())
    with torch.no_grad():
        distances = _others(squared_distances(code, means), own)
        value = _log_mean(distances, log_variance, own, z.shape[1])
        shares = torch.softmax(distances * (-0.5 / variance), 1)
        copies = torch.zeros_like(means[:, 0]).index_add_(0, nearest, torch.ones_like(code[:, 0]))
        # A component that is nearest to several codes was encoded several times: each copy takes its part.
        of_fresh = shares[:, nearest] / copies[nearest]
    toward_means = ((shares @ means) * z - 0.5 * z.square()).sum(1)
    toward_codes = -0.5 * (of_fresh * squared_distances(code, fresh)).sum(1)
    slope = (toward_means + toward_codes) / variance.detach()
    if log_variance.requires_grad:
        spread = (shares * distances).sum(1)
        slope = slope - 0.5 * (spread / variance + means.shape[1] * log_variance)
    return value + (slope - slope.detach())


def squared_distances(a: Float[Tensor, "A latent"], b: Float[Tensor, "C latent"]) -> Float[Tensor, "A C"]:
    """|a_i - b_j|^2 by one matrix product."""
    center = b.detach().mean(0)  # around it the expanded square cancels least
    a, b = a - center, b - center
    crossed = torch.addmm(b.square().sum(1), a, b.mT, alpha=-2)
    return (crossed + a.square().sum(1, keepdim=True)).clamp_min(0)


def _others(distances: Float[Tensor, "B m"], own: Int[Tensor, " B"]) -> Float[Tensor, "B m"]:
    if distances.shape[1] == 1:
        return distances
    column = own.clamp_min(0).unsqueeze(1)
    kept = distances.gather(1, column).masked_fill(own.unsqueeze(1) >= 0, _FAR)
    return distances.scatter(1, column, kept)


def _log_mean(
    distances: Float[Tensor, "B m"], log_variance: Float[Tensor, ""], own: Int[Tensor, " B"], latent: int
) -> Float[Tensor, " B"]:
    count = distances.shape[1]
    left = torch.where(own >= 0, max(count - 1, 1), count)
    volume = 0.5 * latent * (math.log(2 * math.pi) + log_variance)
    return torch.logsumexp(distances * (-0.5 * (-log_variance).exp()), 1) - volume - left.to(distances.dtype).log()
