"""A VAE whose prior follows the clusters of its own codes."""

from __future__ import annotations

from typing import Annotated

import torch
from sklearn.cluster import KMeans
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Batch, Data, Domain, Method, Terms
from methods.core.codes import encode
from methods.core.distributions import gaussian, mixture
from methods.core.errors import BadInput
from methods.core.losses import gaussian_rate
from methods.core.ranges import Integer


class KMeansVAE(Method):
    """K-Means VAE: minimizes -E_q[log p(x|z)] + KL(q(z|x) || N(c_a(x), I)), a(x) the centroid nearest to mu(x).

    The centroids are those of k-means on the training codes at the start of every epoch: k-means++ on the untrained
    encoder's codes first, later from where the last epoch's centroids were. The objective does not charge for the
    choice of the centroid (up to log K nats); the prior that samples and scores codes, the mixture of N(c_k, I)
    weighted by cluster size, does.

    Source: the Lambda-Hot and K-Means VAE paper, section 3 (K = 10, latent 20, grey images).

    Args:
        clusters: K.

    Raises:
        BadInput: more clusters than training rows.
    """

    centroids: Tensor
    frequencies: Tensor

    def __init__(
        self, domain: Domain, latent: int, *, clusters: Annotated[int, Integer(2, 50, log=True, most=100_000)] = 10
    ) -> None:
        if clusters > domain.rows:
            raise BadInput(f"kmeans_vae.clusters must be at most the number of rows ({domain.rows}), got {clusters}")
        super().__init__(domain, latent)
        self.register_buffer("centroids", torch.zeros(clusters, latent))
        self.register_buffer("frequencies", torch.full((clusters,), 1 / clusters))

    def loss(self, batch: Batch) -> Terms:
        posterior = gaussian(self.encoder(batch.x))
        nearest = torch.cdist(posterior.mean.detach(), self.centroids).argmin(1)
        z = posterior.rsample()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, z).mean(),
            "rate": gaussian_rate(posterior, self.centroids[nearest]).mean(),
        }

    def prior(self) -> Distribution:
        return mixture(self.frequencies, self.centroids, 1.0)

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Refit the centroids to the training codes. An empty cluster moves to the code farthest from its own."""
        codes = encode(self, data.train).cpu().numpy()
        start = "k-means++" if epoch == 0 else self.centroids.cpu().numpy()
        seed = int(torch.randint(2**31, ()))
        fit = KMeans(len(self.centroids), init=start, n_init=1, random_state=seed).fit(codes)
        self.centroids.copy_(torch.from_numpy(fit.cluster_centers_))
        counts = torch.from_numpy(fit.labels_).long().bincount(minlength=len(self.centroids))
        self.frequencies.copy_(counts / counts.sum())
