"""A deterministic autoencoder whose codes gather around learned prototypes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from methods.core.anchored_mmd import anchored_mmd
from methods.core.base import Batch, Data, Domain, Method, Terms, Update
from methods.core.codes import encode
from methods.core.distributions import Dirac, mixture
from methods.core.errors import BadInput
from methods.core.ranges import Integer, OneOf, Real
from methods.core.sinkhorn import sinkhorn


class PrototypicalVAE(Method):
    """Prototypical VAE: three steps on every batch, each on codes z encoded anew, the encoder moved by all.

    1. Prototypes v_k and encoder: -sum_k q_k log softmax_k(s / temperature), with scores s_k = <z, v_k> / sqrt(latent)
       and q the balanced assignment of the batch, the Sinkhorn plan that maximizes <q, s> + epsilon H(q).
    2. Encoder: sum_k n_k/B MMD^2(codes with argmax q = k, N(v_k, I)), with a Gaussian kernel of squared width
       bandwidth * latent.
    3. Encoder and decoder: -log p(x|z).

    The first epochs take the third step alone. The steps have optimizers of their own, so with Adam their scales do
    not matter. It is no VAE in the usual sense: codes are deterministic. The prior is the equal-weight mixture of
    N(v_k, noise^2 I).

    Source: "Prototypical Variational Autoencoders", Eqs. 5, 10 and 11 and Algorithm 1 (K = 1 to 50, latent 256, batch
    256, 10 of 100 epochs of warm-up). Eq. 11 prints min for max. The paper does not give the scale of the scores,
    epsilon, temperature or the kernel; the division by sqrt(latent) and the kernel's width keep both meaningful at
    any latent size, epsilon and temperature are SwAV's (Caron et al. 2020). Sinkhorn runs until all prototypes have
    equal shares within 1%, and MMD weights clusters by their size and is unbiased (`anchored_mmd`), where the plain
    sum of Eq. 5 is ruled by clusters of a few codes.

    Args:
        prototypes: K.
        epsilon: entropy of the balanced assignment; small is hard.
        temperature: of the softmax that learns to predict the assignment.
        similarity: "scaled" divides <z, v_k> by sqrt(latent); "cosine" by the norms, as SwAV.
        bandwidth: squared width of MMD's kernel, in units of the latent size.
        noise: standard deviation of the prior around a prototype.
        warmup_epochs: epochs of reconstruction alone at the start.
        initialization: prototypes are "random" weights, or centroids of "kmeans" on the codes after the warm-up.

    Raises:
        BadInput: k-means for more prototypes than training rows.
    """

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        prototypes: Annotated[int, Integer(1, 50, most=10_000)] = 10,
        epsilon: Annotated[float, Real(0.01, 1, log=True, least=1e-4, most=1000)] = 0.05,
        temperature: Annotated[float, Real(0.01, 1, log=True, least=1e-4, most=1000)] = 0.1,
        similarity: Annotated[str, OneOf("scaled", "cosine")] = "scaled",
        bandwidth: Annotated[float, Real(0.1, 10, log=True, least=1e-4, most=1e4)] = 1.0,
        noise: Annotated[float, Real(0.1, 2, log=True, least=1e-3, most=100)] = 1.0,
        warmup_epochs: Annotated[int, Integer(0, 20, most=100_000)] = 5,
        initialization: Annotated[str, OneOf("random", "kmeans")] = "random",
    ) -> None:
        if initialization == "kmeans" and prototypes > domain.rows:
            raise BadInput(
                f"prototypical_vae.prototypes must be at most the number of rows ({domain.rows}) to start from "
                f"k-means, got {prototypes}: take fewer, or initialization='random'"
            )
        super().__init__(domain, latent, outputs=latent)
        self.prototypes = nn.Linear(latent, prototypes, bias=False)
        nn.init.xavier_uniform_(self.prototypes.weight)
        self.epsilon, self.temperature, self.noise = epsilon, temperature, noise
        self.cosine = similarity == "cosine"
        self.bandwidth = bandwidth * latent
        self.warmup_epochs = warmup_epochs
        self.centroids_first = initialization == "kmeans"
        self.warm = warmup_epochs == 0

    def loss(self, batch: Batch) -> Terms:
        """The objectives of the three steps at once."""
        return self._assignment(batch) | self._discrepancy(batch) | self._reconstruction(batch)

    def updates(self, batch: Batch) -> Iterator[Update]:
        if self.warm:
            yield Update(self._assignment(batch), ("encoder", "prototypes"))
            yield Update(self._discrepancy(batch), ("encoder",))
        yield Update(self._reconstruction(batch), ("encoder", "decoder"))

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        return Dirac(self.encoder(x))

    def prior(self) -> Distribution:
        weights = torch.ones_like(self.prototypes.weight[:, 0])
        return mixture(weights / weights.sum(), self.prototypes.weight, self.noise)

    def start_epoch(self, epoch: int, data: Data) -> None:
        """End the warm-up when it is time; then, where asked for, start the prototypes from k-means."""
        self.warm = epoch >= self.warmup_epochs
        if self.centroids_first and epoch == self.warmup_epochs:
            codes, seed = encode(self, data.train).cpu().numpy(), int(torch.randint(2**31, ()))
            fit = KMeans(len(self.prototypes.weight), n_init=1, random_state=seed).fit(codes)
            self.prototypes.weight.copy_(torch.from_numpy(fit.cluster_centers_))

    def _assignment(self, batch: Batch) -> Terms:
        scores = self._scores(self.encoder(batch.x))
        assigned = sinkhorn(scores, self.epsilon)
        return {"assignment": -(assigned * (scores / self.temperature).log_softmax(1)).sum(1).mean()}

    def _discrepancy(self, batch: Batch) -> Terms:
        z = self.encoder(batch.x)
        cluster = sinkhorn(self._scores(z), self.epsilon).argmax(1)
        return {"mmd": anchored_mmd(z, self.prototypes.weight.detach(), cluster, self.bandwidth)}

    def _reconstruction(self, batch: Batch) -> Terms:
        return {"reconstruction": -self.decoder.log_prob(batch.x, self.encoder(batch.x)).mean()}

    def _scores(self, z: Float[Tensor, "B latent"]) -> Float[Tensor, "B K"]:
        if self.cosine:
            return F.normalize(z) @ F.normalize(self.prototypes.weight).mT
        return self.prototypes(z) / self.latent**0.5
