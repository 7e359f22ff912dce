"""The importance-weighted autoencoder."""

from __future__ import annotations

import math
from typing import Annotated

import torch

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.ranges import Integer


class IWAE(Method):
    """IWAE: minimizes -E[log 1/K sum_k w_k], w_k = p(x|z_k) p(z_k) / q(z_k|x), over K independent codes z_k ~ q(z|x).

    The bound is the tighter the larger K. Its terms are -log p(x|z) and log q(z|x) - log p(z), means over the K codes,
    and the `gain` of the K codes over one, mean_k log w_k - log 1/K sum_k w_k, at most 0. With K = 1 the gain is 0 and
    it is the VAE, its rate at the sampled code and not in closed form. Metrics are those of one code a row, so the elbo
    that is measured is not what is trained.

    Source: Burda et al. 2016, section 3 (K = 5 and 50).

    Args:
        samples: K. Time and memory grow in proportion.
    """

    def __init__(
        self, domain: Domain, latent: int, *, samples: Annotated[int, Integer(1, 50, log=True, most=10_000)] = 5
    ) -> None:
        super().__init__(domain, latent)
        self.samples = samples

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample(torch.Size([self.samples]))
        x = batch.x.expand(self.samples, *batch.x.shape).flatten(0, 1)
        log_p = self.decoder.log_prob(x, z.flatten(0, 1)).unflatten(0, z.shape[:2])
        rate = posterior.log_prob(z) - self.prior().log_prob(z)
        log_w = log_p - rate
        bound = log_w.logsumexp(0) - math.log(self.samples)
        return {
            "reconstruction": -log_p.mean(),
            "rate": rate.mean(),
            "gain": (log_w.mean(0) - bound).mean(),
        }
