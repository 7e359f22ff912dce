"""Densities fitted to codes that are known: to a stand-in whose codes are its data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from methods.core.base import Batch, Decoder, Domain, Method, Split, Terms
from methods.core.distributions import Dirac
from pipelines.densities import ex_post_gaussian, ex_post_gmm, second_stage


class Plane(Domain):
    def encoder(self, outputs: int) -> nn.Module:
        return nn.Identity()

    def decoder(self, code: int) -> Decoder:
        return nn.Identity()  # type: ignore[return-value]


class Copy(Method):
    def loss(self, batch: Batch) -> Terms:
        return {}

    def posterior(self, x: Tensor, y: Tensor | None = None) -> Dirac:
        return Dirac(x)


COPY = Copy(Plane((2,), 1000), 2)


def _ring(rows: int) -> Tensor:
    """Codes around a circle of radius 3 about (10, 0), far from which no Gaussian stays."""
    angle, radius = 2 * math.pi * torch.rand(rows), 3 + 0.1 * torch.randn(rows)
    return torch.stack([10 + radius * angle.cos(), radius * angle.sin()], 1)


def _radii(codes: Tensor) -> Tensor:
    return (codes - torch.tensor([10.0, 0.0])).norm(dim=1)


def test_the_gaussian_is_numpys_mean_and_covariance() -> None:
    codes = _ring(500)
    fitted = ex_post_gaussian.fit(COPY, Split(codes, codes))
    mean, covariance = codes.double().mean(0).numpy(), np.cov(codes.double().numpy().T)
    expected = stats.multivariate_normal(mean, covariance).logpdf(codes[:20].numpy())
    np.testing.assert_allclose(fitted.log_prob(codes[:20]), expected, rtol=1e-4)


def test_the_mixtures_density_is_scikit_learns() -> None:
    codes = _ring(500)
    torch.manual_seed(3)
    fitted = ex_post_gmm.fit(COPY, Split(codes, codes))
    torch.manual_seed(3)
    seed = int(torch.randint(2**31, ()))
    ridge = 1e-6 * (1 + codes.double().numpy().var(0).sum())
    mixture = GaussianMixture(10, max_iter=2000, random_state=seed, reg_covar=ridge).fit(codes.double().numpy())
    found = fitted.log_prob(codes[:50]).double().numpy()
    np.testing.assert_allclose(found, mixture.score_samples(codes[:50].double().numpy()), atol=1e-3)


def test_the_mixtures_density_integrates_to_one() -> None:
    codes = _ring(500)
    fitted = ex_post_gmm.fit(COPY, Split(codes, codes))
    axis = torch.arange(-8, 8, 0.05)
    density = fitted.log_prob(torch.cartesian_prod(axis + 10, axis)).exp()
    assert density.double().sum().item() * 0.05**2 == pytest.approx(1, abs=1e-3)


def test_draws_of_the_mixture_stay_on_the_ring() -> None:
    codes = _ring(1000)
    radii = _radii(ex_post_gmm.fit(COPY, Split(codes, codes)).sample(torch.Size([2000])))
    # Radii of one Gaussian with the same covariance have a standard deviation of 1.4.
    assert abs(radii.mean() - 3) < 0.1
    assert radii.std() < 0.4


def test_the_second_stage_learns_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = _ring(1000)
    for name, value in {"_STEPS": 600, "_HIDDEN": 64, "_LAYERS": 2}.items():
        monkeypatch.setattr(second_stage, name, value)
    radii = _radii(second_stage.fit(COPY, Split(codes, codes)).sample(torch.Size([2000])))
    # Briefly trained, it is between one Gaussian (radii of deviation 1.4) and the ring (0.1).
    assert abs(radii.mean() - 3) < 0.6
    assert radii.std() < 1.1
