"""A VAE whose prior is a mixture of its own posteriors at learned pseudo-inputs."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from methods.core.annealing import annealed
from methods.core.base import Batch, Data, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.gaussian_mixture import GaussianMixture
from methods.core.ranges import Integer, OneOf, Real


class VampPrior(Method):
    """VampPrior: minimizes -E_q[log p(x|z)] + E_q[log q(z|x)] - E_q[log (1/K) sum_k q(z|u_k)] in the encoder, the
    decoder and the pseudo-inputs u_k, data-shaped and kept in [0, 1].

    One z is sampled a row; the entropy of q, E_q[log q(z|x)], is in closed form (its gradient is the same as at the
    sampled z, where the paper takes both logarithms). Components are the encoder's own Gaussians, their variances
    included.

    Source: Tomczak and Welling 2018, Eq. 9; initial values as in the authors' code. There the rate is warmed up over
    100 epochs, and K = 500 (Hub-VAE: 1000).

    Args:
        components: K.
        start: pseudo-inputs start as `noise` around `level`, or as random training rows (`data`) with the same noise.
        level: mean of the noise; the authors take 0.05 for MNIST and Omniglot, 0.5 for silhouettes and faces. With
            `data` it has no effect.
        warmup_epochs: epochs over which the weight of the rate grows linearly to 1; 0 is full weight at once.
    """

    warmth: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        components: Annotated[int, Integer(50, 2000, log=True, least=1, most=100_000)] = 500,
        start: Annotated[str, OneOf("noise", "data")] = "noise",
        level: Annotated[float, Real(0.01, 0.5, log=True, least=0, most=1)] = 0.05,
        warmup_epochs: Annotated[int, Integer(0, 100, most=100_000)] = 0,
    ) -> None:
        super().__init__(domain, latent)
        self.start = start
        self.warmup_epochs = warmup_epochs
        self.pseudo_inputs = nn.Parameter(_inside(torch.full((components, *domain.event), level)))
        self.register_buffer("warmth", torch.ones(()))

    def loss(self, batch: Batch) -> Terms:
        # In one pass, so that batch norm sees rows and pseudo-inputs alike.
        statistics = self.encoder(torch.cat([batch.x, self._inputs()]))
        posterior = gaussian(statistics[: len(batch)])
        z = posterior.rsample()
        rate = -posterior.entropy() - _mixture(statistics[len(batch) :]).log_prob(z)
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.warmth * rate.mean(),
        }

    def prior(self) -> Distribution:
        return _mixture(self.encoder(self._inputs()))

    def start_epoch(self, epoch: int, data: Data) -> None:
        self.warmth.fill_(annealed(epoch + 1, start=0.0, epochs=self.warmup_epochs))
        if epoch == 0 and self.start == "data":
            rows = torch.randint(len(data.train), self.pseudo_inputs.shape[:1], device=self.pseudo_inputs.device)
            self.pseudo_inputs.copy_(_inside(data.train[rows].grey))

    def _inputs(self) -> Float[Tensor, "K *event"]:
        return F.hardtanh(self.pseudo_inputs, 0.0, 1.0)


def _inside(values: Float[Tensor, "K *event"]) -> Float[Tensor, "K *event"]:
    """With noise of standard deviation 0.01, strictly inside [0, 1]: on the edge gradients would be zero for good."""
    return (values + 0.01 * torch.randn_like(values)).clamp(0.001, 0.999)


def _mixture(statistics: Float[Tensor, "K two_latent"]) -> GaussianMixture:
    components = gaussian(statistics).base_dist
    weights = statistics.new_full((len(statistics),), -math.log(len(statistics)))
    return GaussianMixture(weights, components.loc, components.scale)
