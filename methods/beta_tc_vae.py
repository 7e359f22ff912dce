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
    taken at one code a row, where log q(z) and log q(z_d) are estimated by minibatch-weighted sampling, log 1/(N B)
    sum_j q(z|x_j) over the batch. At alpha = beta = gamma = 1 these estimates cancel, and it is the VAE. On their own
    the estimates are off by constants: on the whole training set in one batch the mutual information is log N too
    large, the total correlation (latent - 1) log N too large, and the dimensions' rates latent log N too small. The
    gradients then are exact.

    Source: Chen et al. 2018, Eqs. 2, 4 and 5 (beta = 6, alpha = gamma = 1).

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
        self.rows = domain.rows

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        conditional = posterior.log_prob(z)
        joint, marginals = aggregate_log_prob(posterior, z, self.rows)
        prior = Normal(z.new_zeros(()), z.new_ones(())).log_prob(z).sum(1)
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "mutual_information": self.alpha * (conditional - joint).mean(),
            "total_correlation": self.beta * (joint - marginals).mean(),
            "dimension_rates": self.gamma * (marginals - prior).mean(),
        }


def aggregate_log_prob(
    posterior: Independent, z: Float[Tensor, "B latent"], rows: int
) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """log q(z) and sum_d log q(z_d) by minibatch-weighted sampling, q the mean over `rows` rows, B of them at hand.

    Source: Chen et al. 2018, appendix C.1, Eq. S3.
    """
    each = posterior.base_dist.log_prob(z.unsqueeze(1))  # (B, B, latent): code i under posterior j
    count = math.log(rows * len(z))
    return each.sum(2).logsumexp(1) - count, (each.logsumexp(1) - count).sum(1)
