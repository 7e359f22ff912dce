"""An autoencoder whose codes are from a learned finite set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from methods.core.base import Batch, Data, Domain, Method, Split, Terms
from methods.core.codebook import Certain, Codebook, looked_up, nearest, owners
from methods.core.errors import BadInput
from methods.core.ranges import Integer, Real


class VQVAE(Method):
    """VQ-VAE: minimizes -log p(x|e) + |sg[f(x)] - e|^2 + commitment |f(x) - sg[e]|^2.

    The latent dimensions are divided among some positions. At each, e is the nearest of K learned vectors to the
    encoder's output f(x) there; sg stops gradients, and those of the reconstruction pass from e to f(x) as if they were
    equal. Squared distances are sums over dimensions. Before every epoch, vectors that are nearest to no training row
    move to where a random row is encoded; before the first, all do.

    The prior is uniform while training, then every position's own frequencies of vectors in the training set (each
    counted once more, so none is impossible). A code costs -log p(e) nats, so the elbo is a bound as for a VAE.

    Source: van den Oord et al. 2017, Eqs. 2 and 3 (K = 512, commitment 0.25). There positions are pixels of a feature
    map and share the vectors, and an autoregressive prior is fitted afterwards; here each has vectors of its own, and
    the prior treats them as independent. Moving unused vectors is from Jukebox (Dhariwal et al. 2020, section 3.1).

    Args:
        vectors: K.
        positions: vectors that make up a code.
        commitment: weight of the encoder's distance from its code.

    Raises:
        BadInput: more positions than latent dimensions.
    """

    owner: Tensor
    log_frequencies: Tensor

    def __init__(
        self,
        domain: Domain,
        latent: int,
        *,
        vectors: Annotated[int, Integer(8, 512, log=True, least=1, most=65_536)] = 128,
        positions: Annotated[int, Integer(1, 8, most=4096)] = 4,
        commitment: Annotated[float, Real(0.1, 2, log=True, least=0, most=1e6)] = 0.25,
    ) -> None:
        if positions > latent:
            raise BadInput(f"vq_vae.positions must be at most the latent size ({latent}), got {positions}")
        super().__init__(domain, latent, outputs=latent)
        self.codebook = nn.Parameter(torch.randn(vectors, latent))
        self.commitment, self.positions = commitment, positions
        self.register_buffer("owner", owners(latent, positions))
        self.register_buffer("log_frequencies", torch.zeros(positions, vectors).log_softmax(1))

    def loss(self, batch: Batch) -> Terms:
        z = self.encoder(batch.x)
        code = self._quantized(z)
        straight_through = z + (code - z).detach()
        return {
            "reconstruction": -self.decoder.log_prob(batch.x, straight_through).mean(),
            "codebook": (z.detach() - code).square().sum(1).mean(),
            "commitment": self.commitment * (z - code.detach()).square().sum(1).mean(),
        }

    def posterior(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Distribution:
        del y
        return Certain(self._quantized(self.encoder(x)))

    def prior(self) -> Distribution:
        return Codebook(self.log_frequencies, self.codebook, self.owner)

    def start_epoch(self, epoch: int, data: Data) -> None:
        """Move the vectors that no training row uses; at first, all."""
        z = torch.cat(list(self._encoded(data.train)))
        unused = self._counts(z) == 0 if epoch > 0 else torch.ones_like(self.log_frequencies, dtype=torch.bool)
        drawn = z[torch.randint(len(z), (len(self.codebook),), device=z.device)]
        self.codebook.copy_(torch.where(unused[self.owner].mT, drawn, self.codebook))

    def finish(self, data: Data) -> None:
        """Fit the frequencies of the prior."""
        counts = self._counts(torch.cat(list(self._encoded(data.train)))) + 1
        self.log_frequencies.copy_((counts / counts.sum(1, keepdim=True)).log())

    def _quantized(self, z: Float[Tensor, "B latent"]) -> Float[Tensor, "B latent"]:
        return looked_up(nearest(z, self.codebook, self.owner, self.positions), self.codebook, self.owner)

    def _encoded(self, split: Split) -> Iterator[Float[Tensor, "B latent"]]:
        return (self.encoder(batch.x) for batch in split.batches(1000))

    def _counts(self, z: Float[Tensor, "N latent"]) -> Int[Tensor, "positions K"]:
        """Rows that use a vector, at every position."""
        each = [nearest(part, self.codebook, self.owner, self.positions) for part in z.split(1000)]
        return torch.stack([F.one_hot(index, len(self.codebook)).sum(0) for index in each]).sum(0)
