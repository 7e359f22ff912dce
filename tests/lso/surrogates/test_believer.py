"""Greedy batches, against an exact process that was told what it is to believe, and against a grid."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from lso.surrogates.believer import Believer, greedy_batch
from lso.surrogates.sparse import SparseGaussianProcess

BOUNDS = torch.tensor([[-2.0, -2.0], [2.0, 2.0]], dtype=torch.float64)


@pytest.fixture(scope="module")
def data() -> tuple[torch.Tensor, torch.Tensor]:
    codes = np.random.default_rng(0).uniform(-2, 2, (30, 2))
    return torch.from_numpy(codes), torch.from_numpy((codes**2).sum(1) + np.sin(3 * codes[:, 0]))


@pytest.fixture(scope="module")
def process(data: tuple[torch.Tensor, torch.Tensor]) -> SparseGaussianProcess:
    found = SparseGaussianProcess(*data, inducing=30, generator=torch.Generator().manual_seed(0))
    found.fit(steps=0, rate=0.1, batch=30)
    return found


@pytest.fixture(scope="module")
def batch(process: SparseGaussianProcess) -> torch.Tensor:
    return greedy_batch(process, BOUNDS, 4, torch.Generator().manual_seed(0))


def test_believing_is_being_told_the_mean_without_noise(
    process: SparseGaussianProcess, data: tuple[torch.Tensor, torch.Tensor]
):
    points = torch.tensor([[0.5, 0.5], [-1.0, 1.0]], dtype=torch.float64)
    codes, costs = torch.cat([data[0], points]), torch.cat([data[1], process.mean(process.cross(points))])
    noise = np.concatenate([np.full(30, float(process.log_noise.exp())), np.full(2, 1e-6)])
    kernel = ConstantKernel(float(process.log_signal.exp())) * RBF(process.log_lengths.exp().numpy())
    exact = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(codes.numpy(), costs.numpy())
    other = np.random.default_rng(1).uniform(-2, 2, (20, 2))
    mean, deviation = exact.predict(other, return_std=True)
    found = Believer(process, points).posterior(torch.from_numpy(other)[:, None])
    assert found.mean.flatten().numpy() == pytest.approx(mean, abs=1e-3)
    assert found.variance.sqrt().flatten().numpy() == pytest.approx(deviation, abs=1e-3)


def test_no_point_of_a_grid_has_a_larger_expected_improvement_than_the_first_of_a_batch(
    process: SparseGaussianProcess, batch: torch.Tensor
):
    axis = torch.linspace(-2, 2, 101, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    posterior = process.posterior(torch.cat([grid, batch[:1]])[:, None])
    mean, deviation = posterior.mean.flatten().numpy(), posterior.variance.sqrt().flatten().numpy()
    u = (mean.min() - mean) / deviation
    improvement = deviation * (norm.pdf(u) + u * norm.cdf(u))
    assert improvement[-1] > improvement[:-1].max() - 1e-4


def test_a_batch_lies_within_its_bounds_and_apart(batch: torch.Tensor):
    assert batch.shape == (4, 2)
    assert float(batch.abs().max()) <= 2
    assert float(torch.pdist(batch).min()) > 0.05
