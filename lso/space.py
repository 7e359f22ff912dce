"""The latent space of a trained method."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.core.base import Method
from pipelines import artifact

_CHUNK = 1000  # rows encoded at a time


class LatentSpace:
    """A trained method seen from its codes: it decodes, encodes and draws codes, and learns no more.

    All parameters of the method are frozen, in place, so gradients reach codes alone. Every row of a batch is decoded
    by itself: the method is in evaluation mode.

    Args:
        method: a trained method.
    """

    def __init__(self, method: Method) -> None:
        self.method = method.eval().requires_grad_(False)

    @classmethod
    def load(cls, folder: str | Path) -> LatentSpace:
        """The latent space of the method that `pipelines.artifact.save` wrote.

        Raises:
            BadInput: no saved method there, or one that is damaged.
        """
        return cls(artifact.load(folder).method)

    @property
    def latent(self) -> int:
        """Size of a code."""
        return self.method.latent

    @property
    def decoder_size(self) -> int:
        """Number of the decoder's parameters."""
        return sum(parameter.numel() for parameter in self.method.decoder.parameters())

    def decode(self, z: Float[Tensor, "B latent"], y: Int[Tensor, " B"] | None = None) -> Float[Tensor, "B *event"]:
        """E[x | z], differentiable in z."""
        return self.method.decode(z, y)

    @torch.no_grad()
    def encode(self, x: Float[Tensor, "B *event"], y: Int[Tensor, " B"] | None = None) -> Float[Tensor, "B latent"]:
        """Posterior means of x."""
        labels = [None] * len(x) if y is None else y.split(_CHUNK)
        pairs = zip(x.split(_CHUNK), labels, strict=False)
        return torch.cat([self.method.posterior(part, label).mean for part, label in pairs])

    @torch.no_grad()
    def prior(self, count: int, *, seed: int) -> Float[Tensor, "count latent"]:
        """Draws from the method's prior. The state of torch's random numbers stays as it was."""
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self.method.prior().sample(torch.Size([count]))
