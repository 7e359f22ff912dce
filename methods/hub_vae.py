"""A VAE that is regularized by hubs among its own codes."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.core.annealing import annealed
from methods.core.base import Batch, Data, Domain, Method, Split, Terms
from methods.core.distributions import gaussian
from methods.core.errors import BadInput
from methods.core.exemplars import (
    drawn,
    encode_means,
    exemplar_mixture,
    full_log_prob,
    hold_log_variance,
    near_log_prob,
    nearest_of,
    positions,
)
from methods.core.gaussian_mixture import GaussianMixture
from methods.core.hub_pool import Selection, good_hubs
from methods.core.kmeans import kmeans
from methods.core.ranges import Integer, OneOf, Real
from methods.core.triplets import neighborhood_hinge

_Components = tuple[Float[Tensor, " B"], Float[Tensor, "m latent"], Int[Tensor, " m"]]


class HubVAE(Method):
    """Hub-VAE: minimizes -E_q[log p(x|z)] + w L_C + E_q[log q(z|x)] - E_q[log (1/m) sum_h N(z; mu(x_h), sigma^2 I)].

    Every epoch starts with a pool of good hubs: rows with N_k > mean + 0.5 std in groups of rows, filtered by their
    goodness G (`core.hubs`). A batch takes m of the pool at random, without the row itself, over the number of those
    left. k-means clusters the pool, a row has the label of its nearest hub, and L_C is the mean over rows of
    `neighborhood_hinge`, in units of the codes. The entropy of q is in closed form, with the gradient of a sampled one.

    A hub is worth exp(log p(x_h|z_r) / D) to G, a geometric mean over the D values of x: by the plain product one hub
    outshines all.
    Algorithm 1 keeps the hubs that the text calls bad; the text is followed. Its threshold alone leaves a few dozen
    hubs, so that the best `pool_floor` stay in any case. beta is 1 throughout, where the paper "anneals" it.

    Source: Mani and Domeniconi, Hub-VAE, sections 3.1 to 3.4 and Algorithm 1 (m = 1000, 100 epochs, batches of 100).

    Args:
        components: m, at most the size of the pool.
        clusters: of k-means; the paper takes the number of classes, a weak supervision.
        contrastive_weight: w; 0 is the paper's ablation NoContrastive.
        filter: `text` keeps z-scores of G of at least half the largest; `alg1` keeps the others; so does `alg1_nll`,
            where a hub is worth -log p(x_h|z_r); `none` keeps all (the ablation NoSelection).
        score: `geometric`, or `product`, where a hub is worth p(x_h|z_r) itself. With `alg1_nll` it has no effect.
        pool_floor: with `text`, the least size of the pool, as far as there are hubs.
        scope: neighbors are sought in random groups of `hub_batch` rows (`batch`) or among all rows (`dataset`).
        hub_batch: rows in a group; k is the floor of its root, in either scope.
        form: `near` re-encodes with gradients only the hub nearest to each code, selects hubs by the codes of the last
            epoch's training, and runs k-means once an epoch. `literal` encodes all m hubs and runs k-means at every
            step, and encodes all rows for the selection. It takes several times as long.
        variance: sigma^2, or where it starts.
        learn_variance: whether sigma^2 is learned.
        random_epochs: first epochs, in which random rows take the place of hubs.
        warmup_epochs: epochs over which the weight of the rate grows linearly to 1; 0 is full weight at once.

    Raises:
        BadInput: more clusters than training rows.
    """

    means: Tensor
    codes: Tensor
    pool: Tensor
    pool_labels: Tensor
    pool_size: Tensor
    log_variance: Tensor
    warmth: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        components: Annotated[int, Integer(100, 2000, log=True, least=2, most=1_000_000)] = 1000,
        clusters: Annotated[int, Integer(2, 50, log=True, least=1, most=100_000)] = 10,
        contrastive_weight: Annotated[float, Real(0.3, 3, log=True, least=0, most=1e6)] = 1.0,
        filter: Annotated[str, OneOf("text", "alg1", "alg1_nll", "none")] = "text",
        score: Annotated[str, OneOf("geometric", "product")] = "geometric",
        pool_floor: Annotated[int, Integer(300, 3000, log=True, least=0, most=1_000_000)] = 1000,
        scope: Annotated[str, OneOf("batch", "dataset")] = "batch",
        hub_batch: Annotated[int, Integer(50, 1000, log=True, least=3, most=1_000_000)] = 100,
        form: Annotated[str, OneOf("near", "literal")] = "near",
        variance: Annotated[float, Real(0.1, 4, log=True, least=1e-3, most=100)] = 1.0,
        learn_variance: Annotated[bool, OneOf(False, True)] = False,
        random_epochs: Annotated[int, Integer(0, 10, most=100_000)] = 1,
        warmup_epochs: Annotated[int, Integer(0, 100, most=100_000)] = 0,
    ) -> None:
        if clusters > domain.rows:
            raise BadInput(f"hub_vae.clusters must be at most the number of rows ({domain.rows}), got {clusters}")
        super().__init__(domain, latent)
        self.components, self.clusters, self.contrastive_weight = components, clusters, contrastive_weight
        group, neighbors = (0 if scope == "dataset" else hub_batch), math.isqrt(hub_batch)
        self.selection = Selection(filter, score, pool_floor, group, neighbors)
        self.form, self.random_epochs, self.warmup_epochs = form, random_epochs, warmup_epochs
        hold_log_variance(self, variance, learned=learn_variance)
        self.register_buffer("means", torch.zeros(domain.rows, latent))
        self.register_buffer("codes", torch.zeros(domain.rows, 2 * latent))
        self.register_buffer("pool", torch.arange(domain.rows))
        self.register_buffer("pool_labels", torch.zeros(domain.rows, dtype=torch.long))
        self.register_buffer("pool_size", torch.tensor(domain.rows))
        self.register_buffer("warmth", torch.ones(()))
        self._epoch: tuple[Split, Int[Tensor, " P"]] | None = None  # training rows and pool, while in training

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        z = posterior.rsample()
        points = torch.cat([posterior.mean, posterior.base_dist.scale], 1)
        log_prior, means, labels = self._components(z, batch.index)
        if self.training:
            self.codes[batch.index] = points.detach()
        terms = {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": self.warmth * (-posterior.entropy() - log_prior).mean(),
        }
        if self.contrastive_weight:
            own = labels[nearest_of(posterior.mean.detach(), means)]
            terms["contrastive"] = self.contrastive_weight * neighborhood_hinge(points, own).mean()
        return terms

    def prior(self) -> GaussianMixture:
        if self._epoch is None or self.training:
            return exemplar_mixture(self.means[self.pool[: int(self.pool_size)]], self.log_variance)
        return exemplar_mixture(self._encoded(*self._epoch), self.log_variance)

    def start_epoch(self, epoch: int, data: Data) -> None:
        self.warmth.fill_(annealed(epoch + 1, start=0.0, epochs=self.warmup_epochs))
        everyone = torch.arange(len(data.train), device=self.pool.device)
        if epoch < self.random_epochs:
            pool = drawn(everyone, self.components)
        else:
            if self.form == "literal" or epoch == 0:
                self.codes.copy_(torch.cat([self._points(data.train[rows].x) for rows in everyone.split(1000)]))
            pool = self._hubs(data.train)
        self.pool_size.fill_(len(pool))
        self.pool[: len(pool)] = pool
        self.means[pool] = self._encoded(data.train, pool)
        clusters = min(self.clusters, len(pool))
        self.pool_labels[: len(pool)] = kmeans(self.means[pool], clusters).labels
        self._epoch = data.train, pool

    def finish(self, data: Data) -> None:
        """Keep the means of the pool: from here on the prior needs the rows no more."""
        pool = self.pool[: int(self.pool_size)]
        self.means[pool] = self._encoded(data.train, pool)
        self._epoch = None

    def _components(self, z: Float[Tensor, "B latent"], index: Int[Tensor, " B"]) -> _Components:
        """log p(z), and the means and labels of the hubs that it is made of."""
        if self._epoch is None or not self.training:
            prior = self.prior()
            return prior.log_prob(z), prior.means, self.pool_labels[: int(self.pool_size)]
        train, pool = self._epoch
        chosen = drawn(pool, self.components)
        rows = pool[chosen]
        own = positions(rows, index, len(train))

        def encode(some: Int[Tensor, " n"]) -> Float[Tensor, "n latent"]:
            fresh = self.encoder(train.grey.index_select(0, rows[some]))[:, : self.latent]
            self.means[rows[some]] = fresh.detach()
            return fresh

        if self.form == "near":
            means = self.means.index_select(0, rows)
            return near_log_prob(z, means, self.log_variance, own, encode), means, self.pool_labels[chosen]
        means = encode(torch.arange(len(rows), device=rows.device))
        labels = kmeans(means.detach(), min(self.clusters, len(rows)), restarts=1, iterations=10).labels
        return full_log_prob(z, means, self.log_variance, own), means.detach(), labels

    def _hubs(self, train: Split) -> Int[Tensor, " P"]:
        """Good hubs by what `codes` holds; random rows if there are none."""
        pool = good_hubs(self.decoder, train, self.codes, self.selection)
        return pool if len(pool) else drawn(torch.arange(len(train), device=self.pool.device), self.components)

    def _points(self, x: Float[Tensor, "B *event"]) -> Float[Tensor, "B two_latent"]:
        posterior = gaussian(self.encoder(x))
        return torch.cat([posterior.mean, posterior.stddev], 1)

    @torch.no_grad()
    def _encoded(self, train: Split, pool: Int[Tensor, " P"]) -> Float[Tensor, "P latent"]:
        return encode_means(self.encoder, train.grey[pool].to(self.means), self.latent)
