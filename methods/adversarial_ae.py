"""An autoencoder whose codes a critic cannot tell from the prior."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional as F

from methods.core.base import Batch, Domain, Method, Terms, Update
from methods.core.critic import critic, critic_loss
from methods.core.distributions import Dirac
from methods.core.ranges import Integer


class AdversarialAE(Method):
    """Adversarial autoencoder: three steps on every batch, each on deterministic codes z encoded anew.

    1. Encoder and decoder: -log p(x|z).
    2. Critic: its cross-entropy in telling draws of the prior N(0, I) from as many codes.
    3. Encoder: -log D(z), D(z) the probability, by the critic, that z was drawn from the prior.

    The steps have optimizers of their own, so with Adam their scales do not matter. As one weighted sum, the form of
    WAE-GAN, the first and the last let the critic's verdict outgrow the reconstruction in the first epochs.

    Source: Makhzani et al. 2015, section 2 (deterministic encoder, critic of two layers of 1000, latent 8 to 15).

    Args:
        critic_hidden: width of the critic's layers.
        critic_layers: number of the critic's hidden layers.
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        critic_hidden: Annotated[int, Integer(50, 1000, log=True, least=1, most=10_000)] = 200,
        critic_layers: Annotated[int, Integer(1, 6, most=20)] = 2,
    ) -> None:
        super().__init__(domain, latent, outputs=latent)
        self.critic = critic(latent, critic_hidden, critic_layers)

    def loss(self, batch: Batch) -> Terms:
        """What encoder and decoder minimize."""
        z = self.encoder(batch.x)
        return self._reconstruction(batch, z) | self._adversarial(z)

    def updates(self, batch: Batch) -> Iterator[Update]:
        yield Update(self._reconstruction(batch, self.encoder(batch.x)), ("encoder", "decoder"))
        yield Update({"critic": self._critic_loss(batch)}, ("critic",))
        yield Update(self._adversarial(self.encoder(batch.x)), ("encoder",))

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        return Dirac(self.encoder(x))

    def _reconstruction(self, batch: Batch, z: Float[Tensor, "B latent"]) -> Terms:
        return {"reconstruction": -self.decoder.log_prob(batch.x, z).mean()}

    def _adversarial(self, z: Float[Tensor, "B latent"]) -> Terms:
        return {"adversarial": F.softplus(-self.critic(z)).mean()}

    def _critic_loss(self, batch: Batch) -> Float[Tensor, ""]:
        with torch.no_grad():
            z = self.encoder(batch.x)
        return critic_loss(self.critic(torch.randn_like(z)), self.critic(z))
