"""The sparse process, against exact ones of sklearn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

from lso.surrogates.sparse import SparseGaussianProcess


def data(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    random = np.random.default_rng(0)
    codes = random.standard_normal((count, 3))
    costs = 2 + np.sin(2 * codes[:, 0]) + codes[:, 1] + 0.1 * random.standard_normal(count)
    return torch.from_numpy(codes), torch.from_numpy(costs)


def process(*, inducing: int, steps: int = 0) -> SparseGaussianProcess:
    found = SparseGaussianProcess(*data(), inducing=inducing, generator=torch.Generator().manual_seed(0))
    found.fit(steps=steps, rate=0.1, batch=60)
    return found


def kernel(of: SparseGaussianProcess) -> ConstantKernel:
    return ConstantKernel(float(of.log_signal.exp())) * RBF(of.log_lengths.exp().detach().numpy())


def log_density(of: SparseGaussianProcess) -> float:
    codes, costs = data()
    covariance = kernel(of)(codes.numpy()) + float(of.log_noise.exp()) * np.eye(len(codes))
    return float(multivariate_normal(cov=covariance).logpdf(costs.numpy()))


def test_with_every_code_an_inducing_point_the_posterior_is_that_of_the_exact_process():
    sparse = process(inducing=60)
    codes, costs = data()
    exact = GaussianProcessRegressor(kernel(sparse), alpha=float(sparse.log_noise.exp()), optimizer=None)
    other = np.random.default_rng(1).standard_normal((20, 3)) * 2
    mean, deviation = exact.fit(codes.numpy(), costs.numpy()).predict(other, return_std=True)
    found = sparse.posterior(torch.from_numpy(other)[:, None])
    assert found.mean.flatten().numpy() == pytest.approx(mean, abs=1e-4)
    assert found.variance.sqrt().flatten().numpy() == pytest.approx(deviation, abs=1e-4)


def test_with_every_code_an_inducing_point_the_bound_is_the_log_density():
    sparse = process(inducing=60)
    assert float(sparse.bound(*data())) == pytest.approx(log_density(sparse), abs=1e-2)


def test_with_few_inducing_points_the_bound_lies_below_the_log_density():
    sparse = process(inducing=8)
    assert float(sparse.bound(*data())) < log_density(sparse) - 1


def test_fitting_raises_the_bound():
    assert float(process(inducing=8, steps=15).bound(*data())) > float(process(inducing=8).bound(*data())) + 1
