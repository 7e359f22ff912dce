"""A VAE whose codes are to be uncorrelated, with unit variances."""

from __future__ import annotations

from typing import Annotated

import torch

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.losses import covariance_distance, gaussian_rate
from methods.core.ranges import OneOf, Real


class DIPVAE(Method):
    """DIP-VAE: minimizes -E_q[log p(x|z)] + KL(q(z|x) || N(0, I)) + off_diagonal sum_{i != j} C_ij^2 + diagonal sum_i
    (C_ii - 1)^2.

    C is the batch's covariance (divided by B) of the posterior means (`I`), or of the codes (`II`): that of the means
    and the mean of the posterior variances. With both weights 0 it is the VAE.

    Source: Kumar et al. 2018, Eqs. 6 (I) and 7 (II), with diagonal = 10 off_diagonal for `I` and diagonal =
    off_diagonal for `II`, off_diagonal from 1 to 500.

    Args:
        variant: `I` or `II`.
        off_diagonal: lambda_od, weight of the squared covariances.
        diagonal: lambda_d, weight of the squared distances of variances to 1.
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        variant: Annotated[str, OneOf("I", "II")] = "II",
        off_diagonal: Annotated[float, Real(1, 500, log=True, least=0, most=1e6)] = 10.0,
        diagonal: Annotated[float, Real(1, 5000, log=True, least=0, most=1e6)] = 10.0,
    ) -> None:
        super().__init__(domain, latent)
        self.variant, self.off_diagonal, self.diagonal = variant, off_diagonal, diagonal

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        spread = posterior.variance.mean(0) if self.variant == "II" else torch.zeros_like(z[0])
        distance = covariance_distance(posterior.mean, torch.diag(1 - spread))
        variances = distance.diagonal().sum()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": gaussian_rate(posterior).mean(),
            "covariances": self.off_diagonal * (distance.sum() - variances),
            "variances": self.diagonal * variances,
        }
