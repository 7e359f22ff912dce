"""Pixels that are 0 or 1, each given those before it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from methods.core.base import Decoder
from pipelines.networks.layers.pixelcnn import PixelCNN

_CHUNK = 250  # images decoded at a time where no gradient is asked for: 64 channels of 28x28 in one layer are 50 MB


class AutoregressiveBernoulli(Decoder):
    """p(x | z) = prod_i Bernoulli(x_i; p(x_i = 1 | x_1 … x_(i-1), z)), the pixels in raster order.

    `log_prob` reads all pixels at once, `sample` draws one after the other. E[x | z] is a sum over all images and out
    of reach: `mean` returns p(x_i = 1 | g_1 … g_(i-1), z) along the greedy pass g, whose pixels are the likelier value
    given those before. It is the exact mean where pixels are independent given z. It is deterministic, and since g
    changes only in jumps, its gradient in z is exact wherever it has one. `mean_given` follows the pixels of a given
    image instead, in one pass: what NE-VAE re-encodes.

    Source: van den Oord et al. 2016; He et al. 2019.

    Args:
        network: logits of every pixel from an image and a code.
    """

    def __init__(self, network: PixelCNN) -> None:
        super().__init__()
        self.network = network

    def log_prob(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, " B"]:
        loss = F.binary_cross_entropy_with_logits(self.network(x, z), x.squeeze(1), reduction="none")
        return -loss.sum((1, 2))

    def log_prob_of_each(self, x: Float[Tensor, "B k *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, "B k"]:
        pairs = zip(x.flatten(0, 1).split(_CHUNK), z.repeat_interleave(x.shape[1], 0).split(_CHUNK), strict=True)
        return torch.cat([self.log_prob(image, code) for image, code in pairs]).unflatten(0, x.shape[:2])

    def mean(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        half = z.new_full((len(z), self.network.height, self.network.width), 0.5)
        return self.mean_given(self._passed(z, half), z)

    def mean_given(self, x: Float[Tensor, "B *event"], z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        """E[x_i | x_1 … x_(i-1), z] of every pixel of x, differentiable in both. A pixel's own value plays no part."""
        return self.network(x, z).sigmoid().unsqueeze(1)

    def sample(self, z: Float[Tensor, "B code"]) -> Float[Tensor, "B *event"]:
        return self._passed(
            z, torch.rand(len(z), self.network.height, self.network.width, device=z.device, dtype=z.dtype)
        )

    def _passed(self, z: Tensor, thresholds: Tensor) -> Tensor:
        pairs = zip(z.split(_CHUNK), thresholds.split(_CHUNK), strict=True)
        return torch.cat([self.network.one_by_one(code, some) for code, some in pairs])
