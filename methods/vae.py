"""The variational autoencoder."""

from __future__ import annotations

from methods.core.base import Batch, Method, Terms
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate


class VAE(Method):
    """VAE: minimizes -E_q[log p(x|z)] + KL(q(z|x) || N(0, I)), the negative elbo.

    Source: Kingma and Welling 2014, Eq. 10 (one sample of z).
    """

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": gaussian_rate(posterior).mean(),
        }
