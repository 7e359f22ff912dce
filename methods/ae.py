"""The deterministic autoencoder, the reference point of every regularizer."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal

from methods.core.base import Batch, Data, Domain, Method, Terms
from methods.core.codes import encode
from methods.core.distributions import Dirac
from methods.core.ex_post import fitted_gaussian


class AE(Method):
    """Autoencoder: minimizes -log p(x | f(x)).

    It has no prior of its own. After training it is sampled through a Gaussian with full covariance fitted to
    the training codes, as RAE does (Ghosh et al. 2020, section 4).

    Source: the baseline "AE" of GMM-DAE's Table 1 and RAE's Table 1.
    """

    code_mean: Tensor
    code_factor: Tensor

    def __init__(self, domain: Domain, latent: int) -> None:
        super().__init__(domain, latent, outputs=latent)
        self.register_buffer("code_mean", torch.zeros(latent))
        self.register_buffer("code_factor", torch.eye(latent))

    def loss(self, batch: Batch) -> Terms:
        return {"reconstruction": -self.decoder.log_prob(batch.x, self.encoder(batch.x)).mean()}

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        return Dirac(self.encoder(x))

    def prior(self) -> Distribution:
        """N(mean, covariance) of the training codes; N(0, I) before `finish`."""
        return MultivariateNormal(self.code_mean, scale_tril=self.code_factor)

    def finish(self, data: Data) -> None:
        """Fit the Gaussian of `prior` to the training codes."""
        mean, factor = fitted_gaussian(encode(self, data.train))
        self.code_mean.copy_(mean)
        self.code_factor.copy_(factor)
