"""The VAE with a weighted rate."""

from __future__ import annotations

from typing import Annotated

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate
from methods.core.ranges import Real


class BetaVAE(Method):
    """beta-VAE: minimizes -E_q[log p(x|z)] + beta KL(q(z|x) || N(0, I)).

    Both terms are sums over dimensions, in nats. Under the mean reductions of other libraries the same objective
    has the weight beta * (event size) / latent.

    Source: Higgins et al. 2017, Eq. 4. The Lambda-Hot paper uses beta = 5, NE-VAE 0.5 to 0.9.

    Args:
        beta: weight of the rate.
    """

    def __init__(
        self, domain: Domain, latent: int, *, beta: Annotated[float, Real(0.1, 10, log=True, least=0, most=1000)] = 5.0
    ) -> None:
        super().__init__(domain, latent)
        self.beta = beta

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.beta * gaussian_rate(posterior).mean(),
        }
