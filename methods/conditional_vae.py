"""A VAE of data given their labels."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.errors import BadInput
from methods.core.losses import gaussian_rate

_FEATURES = 128


class ConditionalVAE(Method):
    """Conditional VAE: minimizes -E_q[log p(x|z, y)] + KL(q(z|x, y) || N(0, I)), a bound on -log p(x|y).

    The label is a one-hot vector beside the code, and beside 128 features that the encoder makes of x, from which one
    hidden layer makes the statistics of q; so encoders of every kind of data take part. The prior is the same for all
    classes: a draw z shows what is not the class, and `decode(z, y)` shows it in class y.

    Source: Sohn et al. 2015, Eq. 4, with the data as what is generated, the label as what is given, and a prior that
    does not depend on the label, which they allow.

    Raises:
        BadInput: the data have no labels; later, labels that are not given where codes are made or decoded.
    """

    def __init__(self, domain: Domain, latent: int) -> None:
        if domain.classes == 0:
            raise BadInput("conditional_vae needs labels, and these data have none: choose another method or data")
        super().__init__(domain, latent, outputs=_FEATURES, code=latent + domain.classes)
        self.classes = domain.classes
        self.head = nn.Sequential(
            nn.Linear(_FEATURES + domain.classes, _FEATURES), nn.SiLU(), nn.Linear(_FEATURES, 2 * latent)
        )

    def loss(self, batch: Batch) -> Terms:
        labels = self._one_hot(batch.y, batch.x)
        posterior = gaussian(self._statistics(batch.x, labels))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, torch.cat([z, labels], 1)).mean(),
            "rate": gaussian_rate(posterior).mean(),
        }

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        """q(z | x, y)."""
        return gaussian(self._statistics(x, self._one_hot(y, x)))

    def decode(self, z: Float[Tensor, "B latent"], y: Int[Tensor, " B"] | None = None) -> Float[Tensor, "B *event"]:
        """E[x | z, y]."""
        return self.decoder.mean(torch.cat([z, self._one_hot(y, z)], 1))

    def log_likelihood(
        self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B latent"], y: Int[Tensor, " B"] | None = None
    ) -> Float[Tensor, " B"]:
        """log p(x | z, y), in nats a datum."""
        return self.decoder.log_prob(x, torch.cat([z, self._one_hot(y, z)], 1))

    def _statistics(
        self, x: Float[Tensor, "B *event"], labels: Float[Tensor, "B classes"]
    ) -> Float[Tensor, "B two_latent"]:
        return self.head(torch.cat([F.silu(self.encoder(x)), labels], 1))

    def _one_hot(self, y: Int[Tensor, " B"] | None, like: Tensor) -> Float[Tensor, "B classes"]:
        if y is None:
            raise BadInput("conditional_vae encodes and decodes data of given classes: pass their labels y")
        return F.one_hot(y, self.classes).to(like.dtype)
