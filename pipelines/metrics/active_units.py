"""How many latent dimensions a method uses."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from methods.core.errors import BadInput


def active_units(codes: Float[Tensor, "N latent"], threshold: float = 0.01) -> int:
    """Number of latent dimensions in which the posterior mean's variance over rows exceeds `threshold`.

    The variance is unbiased (divided by N - 1).

    Source: Burda et al. 2016, Importance Weighted Autoencoders, section 5.2 (threshold 0.01).

    Args:
        codes: posterior means.
        threshold: in squared units of the codes.

    Raises:
        BadInput: fewer than two rows, which have no variance.
    """
    if len(codes) < 2:
        raise BadInput(f"active units need at least 2 codes, got {len(codes)}: measure on more rows")
    return int((codes.var(0, correction=1) > threshold).sum())
