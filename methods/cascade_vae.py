"""A VAE whose continuous dimensions open one after the other, and a category that is found by assignment."""

from __future__ import annotations

from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional as F

from methods.core.balanced_assignment import balanced_assignment
from methods.core.base import Batch, Data, Domain, Method, Terms
from methods.core.distributions import gaussian, standard_normal
from methods.core.errors import BadInput
from methods.core.losses import gaussian_rates
from methods.core.product import Product, category
from methods.core.ranges import Integer, Real


class CascadeVAE(Method):
    """CascadeVAE: minimizes -E_q[log p(x|z,d)] + sum_j beta_j KL(q(z_j|x) || N(0, 1)) in the networks, and for every
    batch, over the categories d of its rows, -sum_b log p(x_b|z_b,d_b) + crowding #{(a, b), a != b: d_a = d_b}.

    A code is continuous dimensions z and, beside them, d as a one-hot vector; `latent` counts both. Terms are sums over
    values and dimensions, in nats, and means over rows. beta_j is `open_beta` in the dimensions that are open and
    `closed_beta` in the others; the first is open from the start, and one more opens every `stage_epochs`. In the first
    `category_stage` stages d is the zero vector, so that z has to tell what it can. No network makes d: it is the best
    assignment (`core.balanced_assignment`) at the sampled z, decoded with every category.

    The posterior of the category is q(d|x) = softmax over d of log p(x|mu(x),d), its prior is uniform. So the rate and
    the elbo that are measured are those of this posterior.

    Source: Jeong and Song 2019, and the authors' code for dSprites (6 dimensions, 3
    categories, 20,000 of 300,000 steps a stage, the category from the fifth stage on, betas 10 and 0.1, crowding 0.001,
    Adam of 1e-4, batch 64, and a penalty of 4e-5 on squared weights, which is left out here). An open beta of 0.1
    leaves z so free on small images that the category says little: on 8x8 digits 34% of test rows are in their class's
    category, with 1, the default here, 70% (20 epochs, means of 5 seeds).

    Args:
        categories: number of categories; 0 for half of the latent dimensions.
        closed_beta: beta of the dimensions that are not open yet.
        open_beta: beta of those that are.
        stage_epochs: epochs until the next dimension opens.
        category_stage: stages without a category.
        crowding: cost of two rows in one category, in nats for each ordered pair.

    Raises:
        BadInput: fewer than two categories, or no continuous dimension.
    """

    open: Tensor
    categorized: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        categories: Annotated[int, Integer(0, 10, most=4095)] = 0,
        closed_beta: Annotated[float, Real(1, 100, log=True, least=0, most=1e6)] = 10.0,
        open_beta: Annotated[float, Real(0.01, 2, log=True, least=0, most=1e6)] = 1.0,
        stage_epochs: Annotated[int, Integer(1, 10, most=100_000)] = 2,
        category_stage: Annotated[int, Integer(0, 10, most=100_000)] = 4,
        crowding: Annotated[float, Real(1e-4, 1, log=True, least=0, most=1e6)] = 0.001,
    ) -> None:
        number = categories or latent // 2
        if not 2 <= number < latent:
            raise BadInput(
                f"cascade_vae needs 2 categories or more and a latent size above their number, got {number} categories "
                f"and latent {latent}: change one of them"
            )
        super().__init__(domain, latent, outputs=2 * (latent - number))
        self.categories, self.crowding = number, crowding
        self.closed_beta, self.open_beta = closed_beta, open_beta
        self.stage_epochs, self.category_stage = stage_epochs, category_stage
        self.register_buffer("open", torch.tensor(1))
        self.register_buffer("categorized", torch.tensor(float(category_stage == 0)))

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        chosen = balanced_assignment(-self._log_likelihoods(batch.x, z), self.crowding)
        code = torch.cat([z, self.categorized * F.one_hot(chosen, self.categories)], 1)
        number = torch.arange(z.shape[1], device=z.device)
        betas = torch.where(number < self.open, self.open_beta, self.closed_beta).to(z.dtype)
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, code).mean(),
            "rate": (gaussian_rates(posterior) @ betas).mean(),
        }

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        continuous = gaussian(self.encoder(x))
        return Product([continuous, category(self._log_likelihoods(x, continuous.mean))])

    def prior(self) -> Distribution:
        """N(0, I) and, beside it, every category with the same probability."""
        like = next(self.parameters())
        return Product(
            [standard_normal(self.latent - self.categories, like=like), category(like.new_zeros(self.categories))]
        )

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Open dimensions, and let the category in."""
        stage = epoch // self.stage_epochs
        self.open.fill_(min(stage + 1, self.latent - self.categories))
        self.categorized.fill_(float(stage >= self.category_stage))

    @torch.no_grad()
    def _log_likelihoods(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B continuous"]) -> Float[Tensor, "B K"]:
        """log p(x|z,d) of every category d, with the statistics that batch norm has gathered."""
        number = self.categories
        codes = torch.cat([z.repeat_interleave(number, 0), torch.eye(number).to(z).repeat(len(z), 1)], 1)
        training = self.decoder.training
        values = self.decoder.eval().log_prob(x.repeat_interleave(number, 0), codes)
        self.decoder.train(training)
        return values.view(-1, number)
