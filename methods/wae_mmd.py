"""The Wasserstein autoencoder with the maximum mean discrepancy."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import Dirac
from methods.core.mmd import inverse_multiquadratics, mmd
from methods.core.ranges import Real


class WAEMMD(Method):
    """WAE-MMD: minimizes -log p(x | f(x)) + mmd_weight MMD^2(codes of the batch, as many draws of N(0, I)).

    Codes are deterministic; only the batch's codes together have to look like the prior. The kernel is a sum of inverse
    multiquadratics, and the estimate of MMD^2 is unbiased, so it falls below zero in some batches.

    Source: Tolstikhin et al. 2018, Algorithm 2, and the authors' code. There the objective is 0.05 times the squared
    error plus 10 MMD^2 on MNIST, 100 on CelebA. Divided by 0.05, and with the Gaussian likelihood, whose -log p is the
    squared error and a constant, the weights are 200 and 2000.

    Args:
        mmd_weight: weight of MMD^2, in nats.
        pixel_noise: standard deviation of the noise on what the encoder sees in training, a Gaussian cut off at two
            standard deviations. In the authors' code 0.01.
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        mmd_weight: Annotated[float, Real(20, 2000, log=True, least=0, most=1e6)] = 200.0,
        pixel_noise: Annotated[float, Real(0, 0.1, most=10)] = 0.01,
    ) -> None:
        super().__init__(domain, latent, outputs=latent)
        self.mmd_weight, self.pixel_noise = mmd_weight, pixel_noise

    def loss(self, batch: Batch) -> Terms:
        z = self.encoder(self._noisy(batch.x) if self.training and self.pixel_noise else batch.x)
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "mmd": self.mmd_weight * mmd(z, torch.randn_like(z), inverse_multiquadratics),
        }

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        return Dirac(self.encoder(x))

    def _noisy(self, x: Float[Tensor, "B *event"]) -> Float[Tensor, "B *event"]:
        return x + self.pixel_noise * nn.init.trunc_normal_(torch.empty_like(x))
