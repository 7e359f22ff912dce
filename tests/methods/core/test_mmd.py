from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.core.anchored_mmd import anchored_mmd
from methods.core.mmd import inverse_multiquadratics, mmd


def _gaussian_kernel(a: Tensor, b: Tensor) -> Tensor:
    return (-torch.cdist(a, b).square() / 6).exp()


def _similarity(a: list[float], b: list[float]) -> float:
    distance = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    spans = [2 * len(a) * scale for scale in (0.1, 0.2, 0.5, 1, 2, 5, 10)]
    return sum(span / (span + distance) for span in spans)


def _within(rows: list[list[float]]) -> float:
    pairs = [_similarity(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j]
    return sum(pairs) / len(pairs)


def _brute(a: list[list[float]], b: list[list[float]]) -> float:
    across = [_similarity(x, y) for x in a for y in b]
    return _within(a) - 2 * sum(across) / len(across) + _within(b)


@pytest.mark.parametrize("latent", [1, 4])
def test_it_is_what_double_loops_over_pairs_give(latent: int) -> None:
    a, b = 2 * torch.randn(7, latent).double(), torch.randn(11, latent).double()
    assert mmd(a, b, inverse_multiquadratics).item() == pytest.approx(_brute(a.tolist(), b.tolist()))


@pytest.mark.parametrize("sizes", [(2, 2), (5, 30), (30, 30)])
def test_where_both_have_one_law_it_is_zero_in_expectation(sizes: tuple[int, int]) -> None:
    draws = [[torch.randn(size, 5).double() for size in sizes] for _ in range(600)]
    values = torch.stack([mmd(a, b, inverse_multiquadratics) for a, b in draws])
    # Five standard errors: false alarm below 1e-6. Biased, it would be about 7 / size.
    assert abs(values.mean()) < 5 * values.std() / math.sqrt(600)
    assert values.min() < 0


def test_with_the_gaussian_kernel_its_mean_over_draws_is_the_closed_form() -> None:
    z = 0.5 + 2 * torch.randn(10, 3).double()
    values = torch.stack([mmd(z, torch.randn(20, 3).double(), _gaussian_kernel) for _ in range(600)])
    expected = anchored_mmd(z, torch.zeros(1, 3).double(), torch.zeros(10, dtype=torch.long), 3.0)
    # Five standard errors: false alarm below 1e-6.
    assert values.mean().item() == pytest.approx(expected.item(), abs=5 * values.std().item() / math.sqrt(600))


@pytest.mark.parametrize(("shift", "scale"), [(0.2, 1.0), (0.0, 0.5)])
def test_in_many_dimensions_it_tells_a_shift_and_a_smaller_spread_from_noise(shift: float, scale: float) -> None:
    def draw() -> Tensor:
        return torch.randn(256, 256)

    null = torch.stack([mmd(draw(), draw(), inverse_multiquadratics) for _ in range(20)])
    assert mmd(shift + scale * draw(), draw(), inverse_multiquadratics) > 5 * null.std()


def test_a_single_code_has_no_pairs_and_counts_as_zero() -> None:
    assert mmd(torch.randn(1, 3), torch.randn(5, 3), inverse_multiquadratics) == 0


def test_codes_that_coincide_have_finite_gradients() -> None:
    z = torch.zeros(30, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(mmd(z, torch.randn(30, 3), inverse_multiquadratics), z)
    assert gradient.isfinite().all()


def test_a_code_is_most_like_itself() -> None:
    z = torch.randn(6, 3).double()
    assert inverse_multiquadratics(z, z).diagonal().tolist() == pytest.approx([7.0] * 6)
    assert inverse_multiquadratics(z, z).max() <= 7 + 1e-9
