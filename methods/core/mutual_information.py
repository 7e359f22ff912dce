"""How much codes tell about the data they encode."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Independent

from methods.core.gaussian_mixture import GaussianMixture


@torch.no_grad()
def mutual_information(posterior: Independent) -> Float[Tensor, ""]:
    """I(x; z) = E[log q(z|x) - log q(z)] in nats, at one code z ~ q(z|x) a row, q(z) the mixture of all rows' q.

    It cannot exceed log(rows), so estimates from different numbers of rows do not compare.

    Source: Hoffman and Johnson 2016; He et al. 2019, Appendix.

    Args:
        posterior: diagonal Gaussians of (rows, latent), as `gaussian` returns.
    """
    means = posterior.mean
    weights = means.new_full((len(means),), -math.log(len(means)))
    z = posterior.sample()
    return (posterior.log_prob(z) - GaussianMixture(weights, means, posterior.stddev).log_prob(z)).mean()
