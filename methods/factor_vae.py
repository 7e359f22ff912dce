"""A VAE that charges for the dependence between latent dimensions, as a critic sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor

from methods.core.base import Batch, Domain, Method, Terms, Update
from methods.core.critic import critic, critic_loss
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate
from methods.core.ranges import Integer, Real


class FactorVAE(Method):
    """FactorVAE: minimizes -E_q[log p(x|z)] + KL(q(z|x) || N(0, I)) + gamma KL(q(z) || prod_d q(z_d)).

    The last divergence, the total correlation, is the mean of the log odds that a critic gives to codes of q(z) against
    codes of prod_d q(z_d), which are codes of the batch with every dimension permuted on its own. After every step of
    encoder and decoder, the critic takes one on its cross-entropy, with codes drawn anew.

    Source: Kim and Mnih 2018, Eqs. 2 and 3 and Algorithm 2 (gamma = 6.4 to 40, critic of 6 layers of 1000, Adam of 1e-4
    for both). There permuted codes are from a second batch. `beta_tc_vae` estimates the same without a critic.

    Args:
        gamma: weight of the total correlation. With 0 it is the VAE.
        critic_hidden: width of the critic's layers.
        critic_layers: number of the critic's hidden layers.
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        gamma: Annotated[float, Real(1, 100, log=True, least=0, most=1e6)] = 10.0,
        critic_hidden: Annotated[int, Integer(100, 1000, log=True, least=1, most=10_000)] = 500,
        critic_layers: Annotated[int, Integer(1, 6, most=20)] = 3,
    ) -> None:
        super().__init__(domain, latent)
        self.critic = critic(latent, critic_hidden, critic_layers)
        self.gamma = gamma

    def loss(self, batch: Batch) -> Terms:
        """The objective of encoder and decoder."""
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": gaussian_rate(posterior).mean(),
            "total_correlation": self.gamma * self.critic(z).mean(),
        }

    def updates(self, batch: Batch) -> Iterator[Update]:
        yield Update(self.loss(batch), ("encoder", "decoder"))
        yield Update({"critic": self._critic_loss(batch)}, ("critic",))

    def _critic_loss(self, batch: Batch) -> Float[Tensor, ""]:
        with torch.no_grad():
            z = gaussian(self.encoder(batch.x)).sample()
        return critic_loss(self.critic(z), self.critic(permuted(z)))


def permuted(z: Float[Tensor, "B latent"]) -> Float[Tensor, "B latent"]:
    """The codes with the rows of every dimension in an order of its own: draws of the product of the marginals."""
    return z.gather(0, torch.rand_like(z).argsort(0))
