"""A deterministic autoencoder whose codes are shaped into a Gaussian mixture."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import Dirac, mixture
from methods.core.losses import covariance_distance, ks_distance
from methods.core.ranges import Integer, Real


class GMMDAE(Method):
    """GMM-DAE: minimizes w_rec R + w_ks KS + w_cv CV on deterministic codes.

    R is -log p(x|z) per dimension of x (with a Gaussian likelihood of variance 1/2 it is the paper's MSE, up to a
    constant), KS and CV the means over entries of `ks_distance` and `covariance_distance` to the target, an
    equal-weight mixture of N(c_k, I). Following Eq. 10, KS and CV are divided by their expectation for a batch drawn
    from the target itself, so each is worth about 1 once the codes have the target's distribution. The expectations
    are known exactly (`expected_ks`, `expected_cv`), where the paper averages over random batches.

    Source: "Shape your Space", GMM-DAE, Eqs. 3 to 10; w_rec = 2000 in the authors' configuration. The targets are
    one-hot corners of a simplex while K <= latent; beyond that, `component_means` says where, as the authors' code
    repeats the corners.

    Args:
        components: K.
        spacing: smallest distance between two component means, in standard deviations of a component.
        reconstruction_weight: w_rec.
        ks_weight: factor on the normalized KS term (0 is the paper's ablation without it).
        cv_weight: factor on the normalized CV term (0 is the paper's ablation without it).
    """

    means: Tensor
    covariance: Tensor
    cumulant: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        components: Annotated[int, Integer(2, 20, least=1, most=1000)] = 10,
        spacing: Annotated[float, Real(1, 8, least=0, most=1000)] = math.sqrt(2),
        reconstruction_weight: Annotated[float, Real(50, 5000, log=True, least=0, most=1e8)] = 2000.0,
        ks_weight: Annotated[float, Real(0.3, 3, log=True, least=0, most=1e6)] = 1.0,
        cv_weight: Annotated[float, Real(0.3, 3, log=True, least=0, most=1e6)] = 1.0,
    ) -> None:
        super().__init__(domain, latent, outputs=latent)
        self.reconstruction_weight = reconstruction_weight / math.prod(domain.event)
        self.ks_weight = ks_weight
        self.cv_weight = cv_weight
        means = component_means(components, latent, spacing)
        covariance, cumulant = mixture_moments(means)
        self.register_buffer("means", means)
        self.register_buffer("covariance", covariance)
        self.register_buffer("cumulant", cumulant)

    def loss(self, batch: Batch) -> Terms:
        z = self.encoder(batch.x)
        ks = ks_distance(z, self.means, 1.0).mean() / expected_ks(len(z))
        cv = covariance_distance(z, self.covariance).mean() / expected_cv(len(z), self.covariance, self.cumulant)
        return {
            "reconstruction": -self.reconstruction_weight * self.decoder.log_prob(batch.x, z).mean(),
            "ks": self.ks_weight * ks,
            "cv": self.cv_weight * cv,
        }

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        return Dirac(self.encoder(x))

    def prior(self) -> Distribution:
        weights = torch.ones_like(self.means[:, 0])
        return mixture(weights / weights.sum(), self.means, 1.0)


def component_means(components: int, latent: int, spacing: float) -> Float[Tensor, "K latent"]:
    """K distinct means, all as far from the origin, the closest two `spacing` apart, the same in every run.

    Unit vectors, then their opposites, then directions that lie far from those before, scaled. In one dimension, where
    there are two directions, they stand in a row.
    """
    if latent == 1 and components > 2:
        return spacing * (torch.arange(components).unsqueeze(1) - (components - 1) / 2)
    axes = torch.eye(latent)
    directions = torch.cat([axes, -axes])[:components]
    if components > 2 * latent:
        directions = _spread(directions.double(), components)
    closest = torch.pdist(directions).min() if components > latent else math.sqrt(2)
    return (spacing / closest * directions).float()


def _spread(chosen: Float[Tensor, "k latent"], count: int) -> Float[Tensor, "K latent"]:
    """`chosen` and further directions, each the farthest from those before among many of a scrambled Sobol sequence."""
    latent = chosen.shape[1]
    uniform = torch.quasirandom.SobolEngine(latent, scramble=True, seed=0).draw(1024 + 16 * count).double()
    candidates = torch.nn.functional.normalize(torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6)), dim=1)
    cosines = (candidates @ chosen.mT).amax(1)  # with the nearest of those before
    found = [chosen]
    for _ in range(count - len(chosen)):
        farthest = candidates[cosines.argmin()]
        cosines = torch.maximum(cosines, candidates @ farthest)
        found.append(farthest.unsqueeze(0))
    return torch.cat(found)


def mixture_moments(
    means: Float[Tensor, "K latent"],
) -> tuple[Float[Tensor, "latent latent"], Float[Tensor, "latent latent"]]:
    """Covariance of the equal-weight mixture of N(mean_k, I), and its fourth cumulants cum(z_i, z_i, z_j, z_j).

    Unit Gaussians have no fourth cumulant, so it is the means' own: E[c_i^2 c_j^2] - S_ii S_jj - 2 S_ij^2 with c the
    centred means and S their scatter.
    """
    centred = (means - means.mean(0)).double()
    scatter = centred.mT @ centred / len(means)
    squares = centred.square()
    fourth = squares.mT @ squares / len(means)
    cumulant = fourth - torch.outer(scatter.diag(), scatter.diag()) - 2 * scatter.square()
    covariance = scatter + torch.eye(means.shape[1], dtype=scatter.dtype)
    return covariance.to(means.dtype), cumulant.to(means.dtype)


def expected_ks(size: int) -> float:
    """E[mean `ks_distance`] of `size` codes drawn from the target: (B + 1) / (6 B^2), whatever the target is.

    The i-th of B ordered uniforms is Beta(i, B + 1 - i); the sum over i of its variance and its squared distance to
    i / B has this closed form.
    """
    return (size + 1) / (6 * size**2)


def expected_cv(
    size: int, covariance: Float[Tensor, "latent latent"], cumulant: Float[Tensor, "latent latent"]
) -> Float[Tensor, ""]:
    """E[mean `covariance_distance`] of `size` codes drawn from a target with these moments.

    The covariance divided by B has mean (B-1)/B S and variance (B-1)^2/B^3 k_iijj + (B-1)/B^2 (S_ii S_jj + S_ij^2).
    """
    gaussian = torch.outer(covariance.diag(), covariance.diag()) + covariance.square()
    variance = (size - 1) ** 2 / size**3 * cumulant + (size - 1) / size**2 * gaussian
    return (variance + covariance.square() / size**2).mean()
