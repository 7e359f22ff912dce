"""The pieces that objectives are made of: pure functions, one number a datum (or a matrix entry) out.

The caller weights and reduces. Everything is in nats unless said.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence


def rate(posterior: Distribution, prior: Distribution, z: Float[Tensor, "B latent"]) -> Float[Tensor, " B"]:
    """KL(q(z|x) || p(z)): in closed form between diagonal Gaussians, else log q(z|x) - log p(z) at `z` ~ q.

    Both have the same expectation over `z`. A posterior without a density (a deterministic code) has no rate;
    see `has_rate`.
    """
    if _is_diagonal_gaussian(posterior) and _is_diagonal_gaussian(prior):
        return kl_divergence(posterior, prior)
    return posterior.log_prob(z) - prior.log_prob(z)


def gaussian_rate(posterior: Independent, mean: Float[Tensor, "B latent"] | float = 0.0) -> Float[Tensor, " B"]:
    """KL(q(z|x) || N(mean, I)) = 1/2 sum_d [(mu - mean)^2 + sigma^2 - 1 - log sigma^2], q a diagonal Gaussian.

    The same as `rate`, in a few operations, for training loops.
    """
    return gaussian_rates(posterior, mean).sum(-1)


def gaussian_rates(posterior: Independent, mean: Float[Tensor, "B latent"] | float = 0.0) -> Float[Tensor, "B latent"]:
    """KL(q(z_d|x) || N(mean_d, 1)) of every latent dimension d, q a diagonal Gaussian."""
    normal = posterior.base_dist
    distance = (normal.loc - mean).square() + normal.scale.square()
    return 0.5 * (distance - 1) - normal.scale.log()


def has_rate(posterior: Distribution) -> bool:
    """Whether q(z|x) has a density, so that a rate exists."""
    return type(posterior).log_prob is not Distribution.log_prob


def ks_distance(
    z: Float[Tensor, "B latent"], means: Float[Tensor, "K latent"], scale: float
) -> Float[Tensor, "B latent"]:
    """Squared distances between the empirical and the mixture's marginal distribution functions.

    In every latent dimension the sorted codes' empirical distribution is (1/B, 2/B, ..., 1); the mixture's is
    F(z) = (1/K) sum_k Phi((z - mean_k) / scale). Gradients flow through Phi alone, since the empirical values
    are constants once the codes are sorted. GMM-DAE, Eqs. 3 and 5, with the standard deviation where the paper
    prints the variance (they agree at scale 1).
    """
    ordered = z.sort(dim=0).values
    empirical = torch.arange(1, len(z) + 1, device=z.device, dtype=z.dtype).unsqueeze(1) / len(z)
    standardized = (ordered.unsqueeze(1) - means) / scale  # (B, K, latent)
    return (torch.special.ndtr(standardized).mean(1) - empirical).square()


def covariance_distance(
    z: Float[Tensor, "B latent"], target: Float[Tensor, "latent latent"]
) -> Float[Tensor, "latent latent"]:
    """Squared entrywise distance of the codes' covariance (divided by B) to `target`. GMM-DAE, Eqs. 6 to 8."""
    centred = z - z.mean(0)
    return (centred.mT @ centred / len(z) - target).square()


def _is_diagonal_gaussian(distribution: Distribution) -> bool:
    return isinstance(distribution, Independent) and isinstance(distribution.base_dist, Normal)
