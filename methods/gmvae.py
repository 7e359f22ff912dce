"""A VAE whose prior is a learned mixture that bends with a second code."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, kl_divergence

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.gaussian_mixture import GaussianMixture
from methods.core.losses import gaussian_rate
from methods.core.ranges import Integer, Real

_DRAWS = 512  # of w, for the prior


class GMVAE(Method):
    """GMVAE, in which w ~ N(0, I), k ~ uniform, z ~ N(mu_k(w), diag sigma_k(w)^2), x ~ p(x|z). It minimizes

    -log p(x|z) + sum_k p(k|z,w) KL(q(z|x) || p(z|w,k)) + KL(q(w|x) || N(0, I)) + KL(p(k|z,w) || uniform)

    at z ~ q(z|x) and w ~ q(w|x). The posterior of the component is exact: p(k|z,w) is proportional to
    N(z; mu_k(w), sigma_k(w)^2). The sum over k stays above the negative elbo, since weights from a z of its own would
    give the same expectation.

    `prior()` is p(z) with the integral over w replaced by the mean over 512 quasi-random points.

    Source: Dilokthanakul et al. 2016, Eq. 5 and section 3.3 (free bits); K = 10, w of 150 and z of 200 dimensions,
    Adam of 1e-4, batch 50. The authors' first code has a network q(k|x) and a weight on its distance from p(k|z,w);
    their second, like this, has none. Here q(w|x) has an encoder of its own.

    Args:
        components: K.
        prior_latent: size of w.
        prior_hidden: width of the one hidden layer (tanh) from w to mu_k and sigma_k.
        free_nats: KL(p(k|z,w) || uniform) costs nothing up to so many nats, so components can separate.
    """

    draws: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        components: Annotated[int, Integer(2, 50, log=True, least=1, most=1000)] = 10,
        prior_latent: Annotated[int, Integer(2, 150, log=True, least=1, most=4096)] = 10,
        prior_hidden: Annotated[int, Integer(50, 500, log=True, least=1, most=10_000)] = 200,
        free_nats: Annotated[float, Real(0, 2, most=100)] = 0.0,
    ) -> None:
        super().__init__(domain, latent)
        self.components, self.free_nats = components, free_nats
        self.prior_encoder = domain.encoder(2 * prior_latent)
        self.prior_network = nn.Sequential(
            nn.Linear(prior_latent, prior_hidden), nn.Tanh(), nn.Linear(prior_hidden, components * 2 * latent)
        )
        uniform = torch.quasirandom.SobolEngine(prior_latent, scramble=True, seed=0).draw(_DRAWS)
        self.register_buffer("draws", torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6)))

    def loss(self, batch: Batch) -> Terms:
        statistics = self.encoder(batch.x)
        z = gaussian(statistics).rsample()
        posterior_w = gaussian(self.prior_encoder(batch.x))
        mixture = self._mixture(posterior_w.rsample())
        logarithm = mixture.log_prob(z.unsqueeze(1)).log_softmax(1)  # log p(k|z,w)
        weights = logarithm.exp()
        divergences = kl_divergence(gaussian(statistics.unsqueeze(1)), mixture)
        rate_k = math.log(self.components) + (weights * logarithm).sum(1).mean()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate_z": (weights * divergences).sum(1).mean(),
            "rate_w": gaussian_rate(posterior_w).mean(),
            "rate_k": rate_k.clamp_min(self.free_nats),
        }

    def prior(self) -> Distribution:
        """The mixture of all components at all draws of w."""
        flat = self._mixture(self.draws).base_dist
        means, scales = flat.loc.flatten(0, 1), flat.scale.flatten(0, 1)
        return GaussianMixture(means.new_full((len(means),), -math.log(len(means))), means, scales)

    def component_probabilities(
        self, z: Float[Tensor, "B latent"], w: Float[Tensor, "B prior_latent"]
    ) -> Float[Tensor, "B K"]:
        """p(k|z,w)."""
        return self._mixture(w).log_prob(z.unsqueeze(1)).softmax(1)

    def _mixture(self, w: Float[Tensor, "B prior_latent"]) -> Independent:
        """N(mu_k(w), diag sigma_k(w)^2) with batch shape (B, K)."""
        return gaussian(self.prior_network(w).view(len(w), self.components, -1))
