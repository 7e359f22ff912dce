"""A VAE whose prior puts every class on an axis of its own."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Batch, Domain, Method, Terms
from methods.core.distributions import gaussian, mixture
from methods.core.errors import BadInput
from methods.core.losses import gaussian_rate
from methods.core.ranges import Real


class LambdaHotVAE(Method):
    """Lambda-Hot VAE: minimizes -E_q[log p(x|z)] + KL(q(z|x) || N(lambda e_y, I)). It is trained with labels.

    e_y is the y-th unit vector: the first `classes` latent dimensions each belong to a class. The paper prints
    log p with a plus sign; the minimized objective has a minus. The prior over all classes is the mixture of
    N(lambda e_y, I) with equal weights.

    Source: the Lambda-Hot and K-Means VAE paper, section 3 (lambda = 5, latent 20, grey images).

    Args:
        scale: lambda, the distance of the class means from the origin.

    Raises:
        BadInput: the data have no labels, or more classes than latent dimensions.
    """

    class_means: Tensor

    def __init__(
        self, domain: Domain, latent: int, *, scale: Annotated[float, Real(1, 10, log=True, least=0, most=1000)] = 5.0
    ) -> None:
        if domain.classes == 0:
            raise BadInput("lambda_hot_vae learns from labels, and these data have none: choose another method or data")
        if latent < domain.classes:
            raise BadInput(f"lambda_hot_vae needs latent >= the number of classes ({domain.classes}), got {latent}")
        super().__init__(domain, latent)
        self.register_buffer("class_means", scale * torch.eye(domain.classes, latent))

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": gaussian_rate(posterior, self.class_means[batch.y]).mean(),
        }

    def prior(self) -> Distribution:
        weights = torch.ones_like(self.class_means[:, 0])
        return mixture(weights / weights.sum(), self.class_means, 1.0)
