"""Distances between two sets of images, given as features of some network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from methods.core.errors import BadInput
from methods.core.mmd import mmd


class KernelDistance(NamedTuple):
    """A kernel distance: the mean over random subsets, and its standard deviation over them."""

    mean: float
    deviation: float


def frechet_distance(a: Float[Tensor, "N features"], b: Float[Tensor, "M features"]) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)): the squared 2-Wasserstein distance of Gaussians like a and b.

    Covariances are divided by rows - 1. It is biased upward, the more the fewer rows, so only distances of equal
    numbers of rows compare; fewer rows than features leave a covariance singular, which is no obstacle.

    Source: Heusel et al. 2017, Eq. 6 (with Inception's features: FID); Dowson and Landau 1982.

    Raises:
        BadInput: fewer than two rows.
    """
    _need_two(a, b)
    a, b = a.double(), b.double()
    root = _root(torch.cov(a.mT))
    # C_a C_b has the eigenvalues of the symmetric C_a^(1/2) C_b C_a^(1/2), which cannot come out complex.
    cross = torch.linalg.eigvalsh(root @ torch.cov(b.mT) @ root).clamp_min(0).sqrt().sum()
    spread = a.var(0).sum() + b.var(0).sum() - 2 * cross
    return ((a.mean(0) - b.mean(0)).square().sum() + spread).item()


def kernel_distance(
    a: Float[Tensor, "N features"], b: Float[Tensor, "M features"], *, seed: int, subsets: int = 100, size: int = 1000
) -> KernelDistance:
    """The unbiased squared MMD with the kernel (x.y / features + 1)^3, in random subsets of `size` rows of each.

    Its expectation does not depend on the number of rows. It may be below zero.

    Source: Binkowski et al. 2018 (with Inception's features: KID; 100 subsets of 1000).

    Raises:
        BadInput: fewer than two rows.
    """
    _need_two(a, b)
    generator = torch.Generator().manual_seed(seed)
    size = min(size, len(a), len(b))
    found = [
        mmd(_drawn(a, size, generator).double(), _drawn(b, size, generator).double(), cubic_kernel)
        for _ in range(subsets)
    ]
    values = torch.stack(found)
    return KernelDistance(values.mean().item(), values.std(correction=0).item())


def cubic_kernel(a: Float[Tensor, "A features"], b: Float[Tensor, "B features"]) -> Float[Tensor, "A B"]:
    """(x.y / features + 1)^3."""
    return (a @ b.mT / a.shape[1] + 1) ** 3


def _root(covariance: Float[Tensor, "features features"]) -> Float[Tensor, "features features"]:
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp_min(0).sqrt() @ vectors.mT


def _drawn(rows: Float[Tensor, "N features"], size: int, generator: torch.Generator) -> Float[Tensor, "size features"]:
    return rows[torch.randperm(len(rows), generator=generator)[:size].to(rows.device)]


def _need_two(a: Tensor, b: Tensor) -> None:
    if min(len(a), len(b)) < 2:
        raise BadInput(f"distances of image sets need at least 2 images each, got {len(a)} and {len(b)}")
