"""Maximum mean discrepancy of clusters of codes to unit Gaussians at their anchors."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def anchored_mmd(
    z: Float[Tensor, "B latent"], anchors: Float[Tensor, "K latent"], cluster: Int[Tensor, " B"], bandwidth: float
) -> Float[Tensor, ""]:
    """sum_k n_k/B MMD^2({z_b: cluster_b = k}, N(anchor_k, I)), n_k the number of codes in cluster k.

    The kernel is exp(-|a - b|^2 / (2 bandwidth)). Its expectations over the Gaussian are known exactly, where the
    usual estimate draws samples; the pairs of codes enter as a U-statistic, without i = j. So the expectation is zero
    where every cluster has its Gaussian's distribution, and a single batch may give a value below zero. Clusters of
    one code have no pairs and count as zero.

    Args:
        z: codes.
        anchors: means of the Gaussians.
        cluster: number of every code's anchor.
        bandwidth: squared width of the kernel.
    """
    others = (cluster.unsqueeze(1) == cluster).to(z.dtype).fill_diagonal_(0)  # of the same cluster
    number = others.sum(1)
    kernel = (-torch.cdist(z, z).square() / (2 * bandwidth)).exp()
    pairs = (kernel * others).sum(1) / number.clamp_min(1)
    to_anchor = (z - anchors[cluster]).square().sum(1)
    cross = _shrinkage(bandwidth, 1, z.shape[1]) * (-to_anchor / (2 * (bandwidth + 1))).exp()
    return ((pairs - 2 * cross + _shrinkage(bandwidth, 2, z.shape[1])) * (number > 0)).mean()


def _shrinkage(bandwidth: float, variance: int, latent: int) -> float:
    """E[kernel] at the center of a Gaussian of this variance."""
    return (bandwidth / (bandwidth + variance)) ** (latent / 2)
