"""A VAE that gives every latent dimension some rate for free."""

from __future__ import annotations

from typing import Annotated

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rates
from methods.core.ranges import Real


class FreeBits(Method):
    """Free bits: minimizes -E_q[log p(x|z)] + sum_d max(free_rate, mean over the batch of KL(q(z_d|x) || N(0, 1))).

    A dimension below its allowance is not charged, so there is nothing to gain by switching it off. Every dimension is
    a group of its own, where the paper has a group for every feature map. The mean is over the batch before the
    maximum: rows may share the allowance of a dimension unequally. `free_rate` = 0 is the VAE.

    Source: Kingma et al. 2016 (IAF), appendix C.8, Eq. 15.

    Args:
        free_rate: lambda, in nats a dimension (a bit is 0.69).
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        free_rate: Annotated[float, Real(0.01, 2, log=True, least=0, most=1000)] = 0.25,
    ) -> None:
        super().__init__(domain, latent)
        self.free_rate = free_rate

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": gaussian_rates(posterior).mean(0).clamp(min=self.free_rate).sum(),
        }
