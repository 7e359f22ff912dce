"""A VAE, and a second one that learns the distribution of its codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Batch, Data, Domain, Method, Terms, Update
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate
from methods.core.ranges import Integer
from methods.core.second_stage import CodeDecoder, Joined, SecondStage, second_terms


class TwoStageVAE(Method):
    """Two-stage VAE. The first stage minimizes -E[log p(x|z)] + KL(q(z|x) || N(0, I)); then, its networks at rest, the
    second does the same for the codes: -E[log p(z|u)] + KL(q(u|z) || N(0, I)), with p(z|u) = N(g(u), gamma^2 I).

    Codes z ~ q(z|x) are drawn anew for every batch, u has as many dimensions as z, and gamma is learned. The prior
    draws u ~ N(0, I), then z ~ p(z|u); its density has no closed form, so there is no rate and no elbo.

    Source: Dai and Wipf 2019, section 4 and the authors' code (stages of 400 and 800 epochs, three layers of 1024 with
    the input joined to the last, Adam of 1e-4 halved every 150 and 300 epochs, latent 64). There codes are drawn once
    an epoch, and the first stage has a Gaussian likelihood with a learned variance; here the likelihood is the data's.

    Args:
        first_epochs: epochs of the first stage; all others are the second's.
        second_hidden: width of the second stage's layers.
        second_layers: hidden layers on either side of the second stage.
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        first_epochs: Annotated[int, Integer(2, 50, log=True, least=1, most=100_000)] = 7,
        second_hidden: Annotated[int, Integer(100, 1000, log=True, least=1, most=10_000)] = 400,
        second_layers: Annotated[int, Integer(1, 3, most=20)] = 3,
    ) -> None:
        super().__init__(domain, latent)
        self.second_encoder = Joined(latent, second_hidden, second_layers, 2 * latent)
        self.second_decoder = CodeDecoder(latent, second_hidden, second_layers)
        self.first_epochs = first_epochs
        self.second = False

    def loss(self, batch: Batch) -> Terms:
        """The objectives of both stages; the second has no gradient for the first's networks."""
        return self._first(batch) | self._second(gaussian(self.encoder(batch.x)).sample())

    def updates(self, batch: Batch) -> Iterator[Update]:
        if self.second:
            self.encoder.eval()  # at rest, the statistics of batch norm included
            with torch.no_grad():
                z = gaussian(self.encoder(batch.x)).sample()
            yield Update(self._second(z), ("second_encoder", "second_decoder"))
        else:
            yield Update(self._first(batch), ("encoder", "decoder"))

    def prior(self) -> Distribution:
        return SecondStage(self.second_decoder, self.latent)

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Enter the second stage when it is time."""
        self.second = epoch >= self.first_epochs

    def _first(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": gaussian_rate(posterior).mean(),
        }

    def _second(self, z: Float[Tensor, "B latent"]) -> Terms:
        return second_terms(self.second_encoder, self.second_decoder, z)
