"""A VAE that charges for the dependence between latent dimensions."""

from __future__ import annotations

import math
from typing import Annotated

from jaxtyping import Float
from torch import Tensor
from torch.distributions import Independent, Normal

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import gaussian
from methods.core.ranges import Real


class BetaTCVAE(Method):
    """beta-TCVAE: minimizes -E_q[log p(x|z)] + alpha I(x; z) + beta KL(q(z) || prod_d q(z_d)) + gamma sum_d
    KL(q(z_d) || N(0, 1)), q(z) the mean of q(z|x) over the training set.

    The three, mutual information, total correlation and the dimensions' own rates, sum to the VAE's rate. They are
    taken at one code a row, where log q(z) and log q(z_d) are estimated by minibatch-weighted sampling, log 1/B
    sum_j q(z|x_j) over the batch. At alpha = beta = gamma = 1 the estimates cancel, and it is the VAE.

    Source: Chen et al. 2018, section 4 (beta = 6, alpha = gamma = 1). There the weights are 1/(N B), N the number of
    training rows. That shifts the terms by multiples of log N, which have no gradient, and they would not be the
    divergences even with all rows in one batch, as they are here. The mutual information is at most log B.

    Args:
        alpha: weight of the mutual information.
        beta: weight of the total correlation.
        gamma: weight of the dimensions' own rates.
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        alpha: Annotated[float, Real(0, 2, most=1000)] = 1.0,
        beta: Annotated[float, Real(1, 20, log=True, least=0, most=1000)] = 6.0,
        gamma: Annotated[float, Real(0, 2, most=1000)] = 1.0,
    ) -> None:
        super().__init__(domain, latent)
        self.alpha, self.beta, self.gamma = alpha, beta, gamma

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        conditional = posterior.log_prob(z)
        joint, marginals = aggregate_log_prob(posterior, z)
        prior = Normal(z.new_zeros(()), z.new_ones(())).log_prob(z).sum(1)
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "mutual_information": self.alpha * (conditional - joint).mean(),
            "total_correlation": self.beta * (joint - marginals).mean(),
            "dimension_rates": self.gamma * (marginals - prior).mean(),
        }


def aggregate_log_prob(
    posterior: Independent, z: Float[Tensor, "B latent"]
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """log q(z) and sum_d log q(z_d) at a code of every row, q the mean of the rows' posteriors."""
    each = posterior.base_dist.log_prob(z.unsqueeze(1))  # (B, B, latent): code i under posterior j
    count = math.log(len(z))
    return each.sum(2).logsumexp(1) - count, (each.logsumexp(1) - count).sum(1)
