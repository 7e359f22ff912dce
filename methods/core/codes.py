"""Codes of a whole split."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from methods.core.base import Method, Split


@torch.no_grad()
def encode(method: Method, split: Split, *, size: int = 1000) -> Float[Tensor, "N latent"]:
    """Posterior means of the grey rows of `split`, without gradients, `size` rows at a time."""
    return torch.cat([method.posterior(batch.grey, batch.y).mean for batch in split.batches(size)])
