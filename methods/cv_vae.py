"""A VAE whose posteriors all have the same spread."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.losses import gaussian_rate
from methods.core.ranges import Real


class CVVAE(Method):
    """Constant-variance VAE: minimizes -E_q[log p(x|z)] + beta KL(q(z|x) || N(0, I)), q(z|x) = N(mu(x), deviation^2 I).

    The rate is 1/2 |mu(x)|^2 and a constant, so it is an autoencoder with noise on its codes and a penalty on their
    norm: the step between VAE and RAE.

    Source: Ghosh et al. 2020, section 2.2, and its code: deviation 0.7; beta 0.039 on MNIST, 9e-4 on CIFAR-10, 0.01 on
    CelebA, beside the squared error, which is -log p of the Gaussian likelihood up to a constant (on color images its
    code takes the mean over channels). Only with beta = 1 is the objective a bound on -log p(x).

    Args:
        deviation: standard deviation of every code in every dimension.
        beta: weight of the rate.
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        deviation: Annotated[float, Real(0.05, 2, log=True, least=1e-6, most=1000)] = 0.7,
        beta: Annotated[float, Real(1e-3, 10, log=True, least=0, most=1000)] = 0.039,
    ) -> None:
        super().__init__(domain, latent, outputs=latent)
        self.deviation, self.beta = deviation, beta

    def loss(self, batch: Batch) -> Terms:
        posterior = self._around(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.beta * gaussian_rate(posterior).mean(),
        }

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        return self._around(self.encoder(x))

    def _around(self, mean: Float[Tensor, "B latent"]) -> Independent:
        return Independent(Normal(mean, torch.full_like(mean, self.deviation)), 1)
