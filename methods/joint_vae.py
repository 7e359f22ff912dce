"""A VAE with continuous codes and a category."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional as F

from methods.core.annealing import annealed
from methods.core.base import Batch, Data, Domain, Method, Terms
from methods.core.distributions import gaussian, standard_normal
from methods.core.errors import BadInput
from methods.core.losses import gaussian_rate
from methods.core.product import Product, category
from methods.core.ranges import Integer, Real


class JointVAE(Method):
    """JointVAE: minimizes -E_q[log p(x|z,k)] + gamma |KL_z - C_z| + gamma |KL_k - C_k|.

    A code is continuous dimensions z and, beside them, a category k as a one-hot vector; `latent` counts both.
    KL_z = KL(q(z|x) || N(0, I)) and KL_k = KL(q(k|x) || uniform) = log K - H(q(k|x)), both in nats and means over the
    batch. The capacities C_z and C_k grow from 0, by an equal amount every epoch; KL_k cannot exceed log K, and neither
    does C_k. In training the decoder gets a relaxed category (Gumbel-softmax); measured, decoded and sampled are hard
    ones, and the code that represents x has the most probable one.

    KL_k = C_k = log K is reached as well by one category for all data. Where capacities grow more slowly than the codes
    learn, that does not happen.

    Source: Dupont 2018, Eq. 7 and the authors' configuration for MNIST (10 continuous dimensions, 10 categories,
    capacities to 5 over 25,000 of 94,000 steps, gamma = 30, Adam of 5e-4, batch 64; Fashion-MNIST gamma = 100). They
    divide the whole objective by the number of pixels, which changes no ratio, and raise capacities at every step. What
    gamma does to clusters depends on the data: on 8x8 digits the V-measure is .46 with 30 and .73 with 1.9, on USPS .57
    with 30 and .37 with 7.5. The elbo is better with the smaller one in both (20 epochs, means of 3 seeds).

    Args:
        categories: K; 0 for half of the latent dimensions.
        gamma: weight of the distances to the capacities.
        continuous_capacity: C_z in the end, in nats.
        discrete_capacity: C_k in the end, in nats; at most log K is used.
        capacity_epochs: epochs over which the capacities grow; 0 for constant ones. Few are a risk, as said.
        temperature: of the relaxed category; small is hard.

    Raises:
        BadInput: fewer than two categories, or no continuous dimension.
    """

    grown: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        categories: Annotated[int, Integer(0, 10, most=4095)] = 0,
        gamma: Annotated[float, Real(1, 300, log=True, least=0, most=1e6)] = 30.0,
        continuous_capacity: Annotated[float, Real(1, 50, log=True, least=0, most=1e4)] = 5.0,
        discrete_capacity: Annotated[float, Real(0.5, 5, log=True, least=0, most=1e4)] = 5.0,
        capacity_epochs: Annotated[int, Integer(0, 50, most=100_000)] = 20,
        temperature: Annotated[float, Real(0.1, 2, log=True, least=1e-3, most=100)] = 0.67,
    ) -> None:
        number = categories or latent // 2
        if not 2 <= number < latent:
            raise BadInput(
                f"joint_vae needs 2 categories or more and a latent size above their number, got {number} categories "
                f"and latent {latent}: change one of them"
            )
        super().__init__(domain, latent, outputs=2 * latent - number)
        self.categories = number
        self.gamma, self.temperature, self.capacity_epochs = gamma, temperature, capacity_epochs
        self.continuous_capacity = continuous_capacity
        self.discrete_capacity = discrete_capacity
        self.register_buffer("grown", torch.tensor(annealed(0, start=0, epochs=capacity_epochs)))

    def loss(self, batch: Batch) -> Terms:
        statistics, logits = self._encoded(batch.x)
        posterior = gaussian(statistics)
        code = torch.cat([posterior.rsample(), F.gumbel_softmax(logits, self.temperature)], 1)
        capacity = (self.grown * self.discrete_capacity).clamp(max=math.log(self.categories))
        excess = gaussian_rate(posterior).mean() - self.grown * self.continuous_capacity
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, code).mean(),
            "continuous": self.gamma * excess.abs(),
            "discrete": self.gamma * (categorical_rate(logits).mean() - capacity).abs(),
        }

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        statistics, logits = self._encoded(x)
        return Product([gaussian(statistics), category(logits)])

    def prior(self) -> Distribution:
        """N(0, I) and, beside it, every category with the same probability."""
        like = next(self.parameters())
        return Product(
            [standard_normal(self.latent - self.categories, like=like), category(like.new_zeros(self.categories))]
        )

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Raise the capacities."""
        self.grown.fill_(annealed(epoch, start=0, epochs=self.capacity_epochs))

    def _encoded(self, x: Float[Tensor, "B *event"]) -> tuple[Float[Tensor, "B two_z"], Float[Tensor, "B K"]]:
        output = self.encoder(x)
        return output[:, : -self.categories], output[:, -self.categories :]


def categorical_rate(logits: Float[Tensor, "B K"]) -> Float[Tensor, " B"]:
    """KL(q || uniform) = log K - H(q), in nats, q the categorical with these logits."""
    logarithm = logits.log_softmax(1)
    return math.log(logits.shape[1]) + (logarithm.exp() * logarithm).sum(1)
