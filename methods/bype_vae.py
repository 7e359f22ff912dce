"""A VAE whose prior is a mixture around a few made-up data that stand for all."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution

from methods.core.annealing import annealed
from methods.core.base import Batch, Data, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.exemplars import hold_log_variance
from methods.core.gaussian_mixture import GaussianMixture
from methods.core.pseudocoreset import coreset_gradient
from methods.core.ranges import Integer, OneOf, Real

_BATCH = 100  # rows in a step of the coreset, as in the authors' code


class ByPEVAE(Method):
    """ByPE-VAE: minimizes -E_q[log p(x|z)] + E_q[log q(z|x)] - E_q[log sum_m (w_m/N) N(z; mu(u_m), sigma^2 I)] in the
    networks alone. The pseudo-data u_m in [0, 1] and their weights w_m >= 0 are a Bayesian coreset of the N rows: every
    few epochs they take one pass over the rows down the gradient of KL(pi_uw(z) || pi(z)) (`core.pseudocoreset`).

    One z is sampled a row, terms are sums over values and dimensions and means over rows; the entropy of q is in closed
    form, with the gradient of a sampled one. Codes for the coreset's gradient are drawn from the prior. A pass is Adam
    with steps of coreset_step / (j + 1), j counted on from pass to pass; weights are moved in units of N/M, clipped at
    0 and scaled to sum to N.

    The authors' code differs: it adds a constant to the weights, so that some become negative; its step size and
    Adam's counter begin anew at each pass while the moments stay; it does not keep u in [0, 1], centers their gradient
    over pixels, and reconstructs by the squared error. Here the likelihood is the data's.

    Source: Ai et al. 2021 and the authors' code (M = 500, a pass every 10 epochs, step 0.5; Hub-VAE: M = 1000).

    On 8x8 digits the passes do not pay: the elbo is -23.8 nats without any, -23.9 with steps from 0.1 and -24.7 with
    the authors' 0.5 (40 epochs, test rows, means of 5 seeds).

    Args:
        components: M, the size of the coreset, at most the number of rows.
        coreset_epochs: epochs between two passes of the coreset; it starts as random rows of equal weights.
        coreset_step: size of the first step.
        coreset_draws: codes that a gradient of the coreset is estimated from.
        variance: sigma^2, or where it starts.
        learn_variance: whether sigma^2 is learned, as in the paper.
        warmup_epochs: epochs over which the weight of the rate grows linearly to 1; 0 is full weight at once.
    """

    points: Tensor
    weights: Tensor
    log_variance: Tensor
    warmth: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        components: Annotated[int, Integer(50, 1000, log=True, least=1, most=100_000)] = 500,
        coreset_epochs: Annotated[int, Integer(1, 20, most=100_000)] = 10,
        coreset_step: Annotated[float, Real(0.01, 0.5, log=True, least=0, most=10)] = 0.1,
        coreset_draws: Annotated[int, Integer(50, 500, log=True, least=2, most=10_000)] = 100,
        variance: Annotated[float, Real(0.1, 4, log=True, least=1e-3, most=100)] = 1.0,
        learn_variance: Annotated[bool, OneOf(False, True)] = False,
        warmup_epochs: Annotated[int, Integer(0, 100, most=100_000)] = 0,
    ) -> None:
        super().__init__(domain, latent)
        components = min(components, domain.rows)
        self.coreset_epochs, self.coreset_step, self.coreset_draws = coreset_epochs, coreset_step, coreset_draws
        self.warmup_epochs = warmup_epochs
        hold_log_variance(self, variance, learned=learn_variance)
        self.register_buffer("points", torch.rand(components, *domain.event))
        self.register_buffer("weights", torch.full((components,), 1 / components))  # w/N: they sum to one
        self.register_buffer("warmth", torch.ones(()))

    def loss(self, batch: Batch) -> Terms:
        # In one pass, so that batch norm sees rows and pseudo-data alike.
        statistics = self.encoder(torch.cat([batch.x, self.points]))
        posterior = gaussian(statistics[: len(batch)])
        z = posterior.rsample()
        rate = -posterior.entropy() - self._mixture(statistics[len(batch) :]).log_prob(z)
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.warmth * rate.mean(),
        }

    def prior(self) -> Distribution:
        return self._mixture(self.encoder(self.points))

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Fill the coreset with random rows at first; move it when its time has come."""
        self.warmth.fill_(annealed(epoch + 1, start=0.0, epochs=self.warmup_epochs))
        if epoch == 0:
            rows = torch.randperm(len(data.train), device=self.points.device)[: len(self.points)]
            self.points.copy_(data.train[rows].grey)
        elif epoch % self.coreset_epochs == 0 and self.coreset_step:
            self._move(data, epoch // self.coreset_epochs - 1)

    def _move(self, data: Data, passes: int) -> None:
        """One pass over the training rows, after `passes` others."""
        rows, unit = len(data.train), 1 / len(self.weights)
        relative = self.weights / unit
        adam = torch.optim.Adam([self.points, relative])
        batches = data.train.batches(_BATCH, torch.randperm(rows, device=data.train.x.device))
        for step, batch in enumerate(batches, passes * math.ceil(rows / _BATCH) + 1):
            draws = self.prior().sample(torch.Size([self.coreset_draws]))
            weights = relative * unit * rows
            slopes = coreset_gradient(self.decoder, batch, self.points, weights, draws, rows)
            self.points.grad, relative.grad = slopes
            for group in adam.param_groups:
                group["lr"] = self.coreset_step / step
            adam.step()
            self.points.clamp_(0, 1)
            relative.clamp_(min=0)
            relative.copy_(torch.where(relative.sum() > 0, relative / relative.mean(), 1))
            self.weights.copy_(relative * unit)
        self.points.grad = None

    def _mixture(self, statistics: Float[Tensor, "M two_latent"]) -> GaussianMixture:
        scale = (0.5 * self.log_variance).exp().expand(1, self.latent)
        return GaussianMixture(self.weights.log(), statistics[:, : self.latent], scale)
