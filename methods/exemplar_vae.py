"""A VAE whose prior is a mixture around its own codes of training rows."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from methods.core.annealing import annealed
from methods.core.base import Batch, Data, Domain, Method, Split, Terms
from methods.core.distributions import gaussian
from methods.core.exemplars import (
    drawn,
    encode_means,
    exemplar_mixture,
    full_log_prob,
    hold_log_variance,
    near_log_prob,
    positions,
)
from methods.core.ranges import Integer, OneOf, Real


class ExemplarVAE(Method):
    """Exemplar-VAE: minimizes -E_q[log p(x|z)] + E_q[log q(z|x)] - E_q[log (1/M) sum_j N(z; mu(x_j), sigma^2 I)].

    In training the sum runs over M grey training rows drawn anew for every batch, without the row itself
    (leave-one-out, with the number of those left as the denominator); in evaluation and in `prior()` over all training
    rows, whose means are kept. The entropy of q is in closed form, with the same gradient as at the sampled z.

    Source: Norouzi, Fleet and Norouzi 2020, Eqs. 5 to 9. The paper draws with replacement and learns sigma^2 from a
    random start; Hub-VAE takes M = 1000, and on USPS a fixed variance of 1 does as well. The paper's fast version drops
    all but the neighbors from the sum and divides by their number, which inflates the density; `near` keeps all M.

    Args:
        components: M, at most the number of training rows.
        form: `near` re-encodes with gradients only the component nearest to each code, and takes the others as they
            were when last encoded, at the start of the epoch at the latest; `full` encodes all M at every step.
        variance: sigma^2, or where it starts.
        learn_variance: whether sigma^2 is learned.
        warmup_epochs: epochs over which the weight of the rate grows linearly to 1; 0 is full weight at once.
    """

    means: Tensor
    log_variance: Tensor
    warmth: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        components: Annotated[int, Integer(100, 10_000, log=True, least=2, most=1_000_000)] = 1000,
        form: Annotated[str, OneOf("near", "full")] = "near",
        variance: Annotated[float, Real(0.1, 4, log=True, least=1e-3, most=100)] = 1.0,
        learn_variance: Annotated[bool, OneOf(False, True)] = False,
        warmup_epochs: Annotated[int, Integer(0, 100, most=100_000)] = 0,
    ) -> None:
        super().__init__(domain, latent)
        self.components = components
        self.form = form
        self.warmup_epochs = warmup_epochs
        hold_log_variance(self, variance, learned=learn_variance)
        self.register_buffer("means", torch.zeros(domain.rows, latent))
        self.register_buffer("warmth", torch.ones(()))
        self._train: Split | None = None  # while in training

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.warmth * (-posterior.entropy() - self._log_prior(z, batch.index)).mean(),
        }

    def prior(self) -> Distribution:
        means = self.means if self._train is None or self.training else self._encoded(self._train)
        return exemplar_mixture(means, self.log_variance)

    def start_epoch(self, epoch: int, data: Data) -> None:
        self.warmth.fill_(annealed(epoch + 1, start=0.0, epochs=self.warmup_epochs))
        self._train = data.train
        self.means.copy_(self._encoded(data.train))

    def finish(self, data: Data) -> None:
        """Keep the means of all training rows: from here on the prior needs the rows no more."""
        self._train = None
        self.means.copy_(self._encoded(data.train))

    @torch.no_grad()
    def _encoded(self, train: Split) -> Float[Tensor, "N latent"]:
        return encode_means(self.encoder, train.grey.to(self.means), self.latent)

    def _log_prior(self, z: Float[Tensor, "B latent"], index: Int[Tensor, " B"]) -> Float[Tensor, " B"]:
        if self._train is None or not self.training:
            return self.prior().log_prob(z)
        grey, total = self._train.grey, len(self._train)
        rows = drawn(torch.arange(total, device=index.device), self.components)
        own = positions(rows, index, total)

        def encode(chosen: Int[Tensor, " m"]) -> Float[Tensor, "m latent"]:
            fresh = self.encoder(grey.index_select(0, rows[chosen]))[:, : self.latent]
            self.means[rows[chosen]] = fresh.detach()
            return fresh

        if self.form == "near":
            return near_log_prob(z, self.means.index_select(0, rows), self.log_variance, own, encode)
        return full_log_prob(z, encode(torch.arange(len(rows), device=rows.device)), self.log_variance, own)
