"""Densities fitted to codes once training is over, for methods without a prior of their own."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from methods.core.errors import BadInput


def fitted_gaussian(
    codes: Float[Tensor, "N latent"],
) -> tuple[Float[Tensor, " latent"], Float[Tensor, "latent latent"]]:
    """Mean of the codes and the Cholesky factor of their covariance (divided by N - 1), in double precision.

    A millionth of 1 + the total variance is added to every variance, since dimensions that are not used would make the
    covariance singular.

    Source: Ghosh et al. 2020 (RAE), section 4.

    Raises:
        BadInput: fewer than two codes, or codes that are not finite.
    """
    if len(codes) < 2:
        raise BadInput(
            f"a Gaussian is fitted to the codes of at least 2 training rows, got {len(codes)}: use more data"
        )
    codes = finite(codes).double()
    latent = codes.shape[1]
    covariance = torch.cov(codes.mT).reshape(latent, latent)
    covariance.diagonal().add_(1e-6 * (1 + covariance.trace()))
    return codes.mean(0), torch.linalg.cholesky(covariance)


def finite(codes: Float[Tensor, "N latent"]) -> Float[Tensor, "N latent"]:
    """The codes themselves.

    Raises:
        BadInput: some are infinite or not a number.
    """
    wrong = int((~codes.isfinite()).any(1).sum())
    if wrong:
        raise BadInput(f"{wrong} of {len(codes)} training codes are not finite: train with a smaller learning rate")
    return codes
