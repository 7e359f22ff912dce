"""Distances between data and their reconstructions, which compare methods across likelihoods."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

_LEAST_LOG = -100.0  # where torch's binary_cross_entropy clamps the logarithm, so that no image costs infinitely much


def bce(x: Float[Tensor, " B *event"], mean: Float[Tensor, " B *event"]) -> Float[Tensor, " B"]:
    """-sum_D [x log p + (1 - x) log(1 - p)] with p = `mean`, in nats an image. Logarithms are at least -100.

    For grey x its minimum, at p = x, is the entropy of x and not zero. The values of `mean` are probabilities; one that
    is not gives NaN.
    """
    log_on = mean.log().clamp(min=_LEAST_LOG)
    log_off = (-mean).log1p().clamp(min=_LEAST_LOG)
    return -(x * log_on + (1 - x) * log_off).flatten(1).sum(1)


def mse(x: Float[Tensor, " B *event"], mean: Float[Tensor, " B *event"]) -> Float[Tensor, " B"]:
    """Squared error, mean over the values of an image."""
    return (x - mean).flatten(1).square().mean(1)
