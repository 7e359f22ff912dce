from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.core.anchored_mmd import anchored_mmd


def _kernel(a: Tensor, b: Tensor, bandwidth: float) -> float:
    return math.exp(-(a - b).square().sum().item() / (2 * bandwidth))


def _brute(z: Tensor, anchors: Tensor, cluster: Tensor, bandwidth: float, draws: int) -> tuple[float, float]:
    """Double loops over codes; expectations over the Gaussian by `draws` draws. The value and its standard error."""
    total, variance = 0.0, 0.0
    for k, anchor in enumerate(anchors):
        codes = z[cluster == k]
        count = len(codes)
        if count < 2:
            continue
        pairs = [_kernel(a, b, bandwidth) for i, a in enumerate(codes) for j, b in enumerate(codes) if i != j]
        one = anchor + torch.randn(draws, z.shape[1], dtype=z.dtype)
        other = anchor + torch.randn(draws, z.shape[1], dtype=z.dtype)
        cross = torch.stack([(-(one - code).square().sum(1) / (2 * bandwidth)).exp() for code in codes]).mean(0)
        itself = (-(one - other).square().sum(1) / (2 * bandwidth)).exp()
        weight, sample = count / len(z), itself - 2 * cross
        total += weight * (sum(pairs) / len(pairs) + sample.mean().item())
        variance += weight**2 * sample.var().item() / draws
    return total, math.sqrt(variance)


@pytest.mark.parametrize("bandwidth", [0.5, 3.0])
def test_it_is_what_double_loops_over_codes_and_draws_give(bandwidth: float) -> None:
    z, anchors = 2 * torch.randn(15, 3).double(), torch.randn(4, 3).double()
    cluster = torch.tensor([0] * 6 + [1] * 1 + [2] * 8)  # one code alone, and an anchor without codes
    expected, error = _brute(z, anchors, cluster, bandwidth, draws=100_000)
    # Five standard errors: false alarm below 1e-6.
    assert anchored_mmd(z, anchors, cluster, bandwidth).item() == pytest.approx(expected, abs=5 * error)


@pytest.mark.parametrize("latent", [2, 64])
def test_codes_with_the_distribution_of_their_anchors_have_none_on_average(latent: int) -> None:
    anchors, found = 3 * torch.randn(5, latent), []
    for _ in range(500):
        cluster = torch.randint(5, (20,))  # about four codes a cluster, where a biased estimate is far from zero
        z = anchors[cluster] + torch.randn(20, latent)
        found.append(anchored_mmd(z, anchors, cluster, float(latent)))
    values = torch.stack(found)
    assert values.mean().abs() < 5 * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize(("shift", "scale"), [(0.5, 1.0), (0.0, 0.3), (0.0, 2.0)])
def test_codes_with_another_mean_or_width_have_some(shift: float, scale: float) -> None:
    z = shift + scale * torch.randn(300, 8)
    assert anchored_mmd(z, torch.zeros(1, 8), torch.zeros(300, dtype=torch.long), 8.0) > 0.01


def test_clusters_of_one_code_count_as_zero() -> None:
    z = torch.randn(3, 2, requires_grad=True)
    value = anchored_mmd(z, torch.randn(3, 2), torch.arange(3), 2.0)
    (gradient,) = torch.autograd.grad(value, z)
    assert value == 0
    assert gradient.eq(0).all()


def test_equal_codes_have_a_finite_gradient() -> None:
    z = torch.ones(4, 2, requires_grad=True)
    value = anchored_mmd(z, torch.zeros(1, 2), torch.zeros(4, dtype=torch.long), 2.0)
    (gradient,) = torch.autograd.grad(value, z)
    assert gradient.isfinite().all()


def test_a_step_down_its_gradient_brings_codes_to_their_anchor() -> None:
    z = (torch.randn(50, 2) + 2).requires_grad_()
    (gradient,) = torch.autograd.grad(anchored_mmd(z, torch.zeros(1, 2), torch.zeros(50, dtype=torch.long), 2.0), z)
    assert gradient.mean(0).gt(0).all()
