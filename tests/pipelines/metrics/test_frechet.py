from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.metrics.frechet import cubic_kernel, frechet_distance, kernel_distance


def _sets(rows: int = 300) -> tuple[Tensor, Tensor]:
    mixing = torch.randn(8, 8)
    return torch.randn(rows, 8) @ mixing, torch.randn(rows // 2, 8) + torch.arange(8) / 4


def _by_scipy(a: Tensor, b: Tensor) -> float:
    one, other = a.double().numpy(), b.double().numpy()
    root = sqrtm(np.cov(one.T) @ np.cov(other.T)).real
    return ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(np.cov(one.T) + np.cov(other.T) - 2 * root)


def test_the_frechet_distance_is_that_of_scipys_matrix_root() -> None:
    a, b = _sets()
    assert frechet_distance(a, b) == pytest.approx(_by_scipy(a, b), rel=1e-9)


def test_of_gaussians_that_differ_in_a_shift_and_in_scale_it_is_the_closed_form() -> None:
    a = torch.randn(500, 4)
    assert frechet_distance(a, a + 3) == pytest.approx(4 * 9, rel=1e-5)
    spread = a.double().var(0).sum().item()
    centered = a - a.mean(0)
    assert frechet_distance(centered, 3 * centered) == pytest.approx(4 * spread, rel=1e-5)


def test_fewer_rows_than_features_are_no_obstacle() -> None:
    a = torch.randn(10, 50)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(a, a + 1) == pytest.approx(50, rel=1e-4)


def test_it_is_symmetric_and_zero_of_equal_sets() -> None:
    a, b = _sets()
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_the_kernel_is_sklearns_cubic_polynomial() -> None:
    a, b = _sets()
    assert cubic_kernel(a, b).numpy() == pytest.approx(polynomial_kernel(a.numpy(), b.numpy()), rel=1e-4)


def test_the_kernel_distance_of_all_rows_is_the_sum_over_pairs() -> None:
    a, b = torch.randn(12, 3).double(), torch.randn(12, 3).double()
    k = [[[((x @ y) / 3 + 1) ** 3 for y in right] for x in left] for left, right in ((a, a), (b, b), (a, b))]
    off = [sum(m[i][j] for i in range(12) for j in range(12) if i != j) / 132 for m in k[:2]]
    expected = off[0] + off[1] - 2 * sum(map(sum, k[2])) / 144
    assert kernel_distance(a, b, seed=0, subsets=2, size=100).mean == pytest.approx(expected.item())


def test_the_kernel_distance_is_unbiased() -> None:
    found = torch.tensor(
        [kernel_distance(torch.randn(40, 5), torch.randn(40, 5), seed=0, subsets=1).mean for _ in range(200)]
    )
    assert found.mean().item() == pytest.approx(0, abs=5 * found.std().item() / 200**0.5)


def test_subsets_follow_the_seed() -> None:
    a, b = _sets()
    first, again, other = (kernel_distance(a, b, seed=seed, subsets=3, size=20) for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("distance", [frechet_distance, lambda a, b: kernel_distance(a, b, seed=0)])
def test_a_single_image_has_no_distance(distance) -> None:
    with pytest.raises(BadInput, match="at least 2 images each"):
        distance(torch.zeros(1, 3), torch.zeros(5, 3))
