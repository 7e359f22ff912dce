"""A VAE whose rate is charged little by little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from methods.core.annealing import annealed
from methods.core.base import Batch, Domain, Method, Terms, Update
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate
from methods.core.ranges import Integer, Real


class KLAnnealing(Method):
    """KL annealing: minimizes -E_q[log p(x|z)] + w KL(q(z|x) || N(0, I)), the weight w growing while training goes on.

    w = annealing_start + (beta - annealing_start) min(1, t / annealing_epochs), t the epochs done so far, fractions of
    them included: w grows a little at every step. Progress is counted in rows, so it does not depend on the size of
    batches. Measured, a method always pays the full rate.

    Source: Bowman et al. 2016, section 3.1 (sigmoidal there); He et al. 2019, section 5 (linear, from 0.1 to 1 in 10
    epochs). NE-VAE's beta-VAE rows anneal from 0.1 to beta.

    Args:
        annealing_start: w at the first step.
        annealing_epochs: epochs until w is beta; 0 is beta at once.
        beta: the final w.
    """

    rows_seen: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        annealing_start: Annotated[float, Real(0, 1, most=1000)] = 0.1,
        annealing_epochs: Annotated[int, Integer(0, 100, most=100_000)] = 10,
        beta: Annotated[float, Real(0.1, 10, log=True, least=0, most=1000)] = 1.0,
    ) -> None:
        super().__init__(domain, latent)
        self.annealing_start, self.beta = annealing_start, beta
        self.annealing_epochs, self.rows = annealing_epochs, domain.rows
        self.register_buffer("rows_seen", torch.tensor(0))

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.rate_weight() * gaussian_rate(posterior).mean(),
        }

    def updates(self, batch: Batch) -> Iterator[Update]:
        yield Update(self.loss(batch))
        self.rows_seen += len(batch)

    def rate_weight(self) -> Tensor | float:
        """w, as of now."""
        done = self.rows_seen / self.rows
        return annealed(done, start=self.annealing_start, epochs=self.annealing_epochs, end=self.beta)
