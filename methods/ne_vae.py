"""A VAE whose reconstructions are encoded near the codes they came from."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Independent

from methods.core.annealing import annealed
from methods.core.base import Batch, Data, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate
from methods.core.ranges import Integer, OneOf, Real


class NEVAE(Method):
    """NE-VAE: minimizes -E_q[log p(x|z)] + beta KL(q(z|x) || N(0, I)) + weight L_NE(z, q(. | E[x|z])).

    The reconstruction E[x|z] is encoded again, and its code z' ~ N(mu', sigma'^2) compared with z ~ q(z|x) in every
    dimension i:

    - "se": (z_i - z'_i)^2, Eq. 7.
    - "lp": l_i where l_i >= cap, else 0, with l_i = -log N(z_i; mu'_i, sigma'_i^2), Eq. 9. It jumps at the cap.
    - "lp_hinge": max(l_i - cap, 0), which has the same gradient and no jump.
    - "variance": sigma_i^2 + sigma'_i^2, a control: what "se" costs in expectation once mu' = mu.

    Gradients flow through everything. In "se" a dimension that is the same for every x costs 2 sigma_i^2, so with the
    sum over dimensions and weight 1 it settles at a variance of 1/5 and a rate of 0.40 nats instead of collapsing to
    the prior; with reduction "mean" and 32 dimensions it settles at 0.003 nats.

    Source: "Neighbor Embedding Variational Autoencoder", Eqs. 6 to 9 (latent 32; caps 5 to -5; the weight of the rate
    grows from 0.1 to 1 over the first 10 of 100 epochs). The paper draws the reconstruction x' ~ p(x|z) from an
    autoregressive decoder, through which no gradient passes; the mean passes it. The paper's Table 1 has rates (2.55
    nats with "se") below the floor of the summed Eq. 7: they are possible with reduction "mean".

    Args:
        variant: "se", "lp", "lp_hinge" or "variance".
        reduction: of L_NE over the latent dimensions, "sum" or "mean".
        weight: of L_NE. With 0 it is the beta-VAE.
        cap: where the variants "lp" stop, in nats a dimension; a unit Gaussian's own average is 1.42.
        reencoded: the code of "se": a "sample" of N(mu', sigma'^2) or its "mean".
        beta: weight of the rate, after annealing.
        annealing_start: share of beta in the first epoch.
        annealing_epochs: epochs over which that share grows to 1, by an equal amount every epoch; 0 for none.
    """

    rate_weight: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        variant: Annotated[str, OneOf("se", "lp", "lp_hinge", "variance")] = "se",
        reduction: Annotated[str, OneOf("sum", "mean")] = "sum",
        weight: Annotated[float, Real(0.01, 10, log=True, least=0, most=1e6)] = 1.0,
        cap: Annotated[float, Real(-5, 5, least=-1e6, most=1e6)] = 1.0,
        reencoded: Annotated[str, OneOf("sample", "mean")] = "sample",
        beta: Annotated[float, Real(0.1, 10, log=True, least=0, most=1000)] = 1.0,
        annealing_start: Annotated[float, Real(0, 1)] = 0.1,
        annealing_epochs: Annotated[int, Integer(0, 20, most=100_000)] = 10,
    ) -> None:
        super().__init__(domain, latent)
        self.variant, self.cap, self.sampled = variant, cap, reencoded == "sample"
        self.weight = weight / latent if reduction == "mean" else weight
        self.beta = beta
        self.annealing_start, self.annealing_epochs = annealing_start, annealing_epochs
        self.register_buffer(
            "rate_weight", torch.tensor(beta * annealed(0, start=annealing_start, epochs=annealing_epochs))
        )

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        again = gaussian(self.encoder(self.decoder.mean_given(batch.x, z)))
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.rate_weight * gaussian_rate(posterior).mean(),
            "reencoding": self.weight * self._distance(z, posterior, again).sum(1).mean(),
        }

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Set the annealed weight of the rate."""
        share = annealed(epoch, start=self.annealing_start, epochs=self.annealing_epochs)
        self.rate_weight.fill_(self.beta * share)

    def _distance(
        self, z: Float[Tensor, "B latent"], posterior: Independent, again: Independent
    ) -> Float[Tensor, "B latent"]:
        if self.variant == "variance":
            return posterior.variance + again.variance
        if self.variant == "se":
            return (z - (again.rsample() if self.sampled else again.mean)).square()
        surprise = -again.base_dist.log_prob(z)
        if self.variant == "lp_hinge":
            return (surprise - self.cap).clamp_min(0)
        return torch.where(surprise < self.cap, 0.0, surprise)
