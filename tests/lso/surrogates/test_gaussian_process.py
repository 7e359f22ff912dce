"""The small Gaussian process against scikit-learn's and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import LinAlgError, cho_factor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from lso.surrogates import views
from lso.surrogates.gaussian_process import GaussianProcess


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.uniform(-2, 2, (60, 2))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] ** 2, random.uniform(-2, 2, (40, 2))


def fitted(x: np.ndarray, y: np.ndarray) -> GaussianProcess:
    return GaussianProcess([views.Matern.of(x)], [x], y, np.random.default_rng(1))


def test_predictions_are_scikit_learns_for_equal_hyperparameters(data):
    x, y, new = data
    own = fitted(x, y)
    length = own.views[0].scale * np.exp(own.hyper.log_lengths[0])
    noise = own._scale * (np.exp(own.hyper.log_noise) + 1e-8)
    kernel = ConstantKernel(own._scale, "fixed") * Matern(length, "fixed", nu=2.5) + WhiteKernel(noise, "fixed")
    theirs = GaussianProcessRegressor(kernel, alpha=0, optimizer=None).fit(x, (y - y.mean()) / y.std())
    mean, deviation = own.predict([new])
    expected, with_noise = theirs.predict(new, return_std=True)
    assert mean == pytest.approx(expected * y.std() + y.mean(), abs=1e-6)
    assert deviation == pytest.approx(np.sqrt(np.maximum(with_noise**2 - noise, 0)) * y.std(), abs=1e-5)


def test_the_signal_variance_maximizes_the_likelihood(data):
    x, y, _ = data
    own = fitted(x, y)
    standard = (y - y.mean()) / y.std()
    kernel = own._kernel([own.views[0].similarity(x, x)], own.hyper) + np.eye(len(x)) * (
        np.exp(own.hyper.log_noise) + 1e-8
    )

    def likelihood(scale: float) -> float:
        sign, determinant = np.linalg.slogdet(scale * kernel)
        return -0.5 * standard @ np.linalg.solve(scale * kernel, standard) - 0.5 * sign * determinant

    best = likelihood(own._scale)
    assert all(likelihood(own._scale * factor) < best for factor in (0.8, 0.95, 1.05, 1.25))


def test_draws_have_the_mean_and_the_covariance_of_the_posterior(data):
    x, y, new = data
    own = fitted(x, y)
    draws = own.draw([new[:5]], 20_000, np.random.default_rng(2))
    mean, deviation = own.predict([new[:5]])
    # The means of 20,000 draws lie within 5 standard errors, false alarm below 1e-5.
    assert draws.mean(0) == pytest.approx(mean, abs=5 * deviation.max() / np.sqrt(20_000))
    assert draws.std(0) == pytest.approx(deviation, rel=0.05)


def test_a_search_from_earlier_hyperparameters_is_no_worse_than_they(data):
    x, y, _ = data
    first = fitted(x, y)
    again = GaussianProcess(first.views, [x], y, np.random.default_rng(3), before=first.hyper)
    similarity = [again.views[0].similarity(x, x)]
    standard = (y - y.mean()) / y.std()
    assert again._fit(similarity, standard, again.hyper)[0] >= again._fit(similarity, standard, first.hyper)[0]


def test_repeated_objects_do_not_break_it():
    x = np.repeat(np.random.default_rng(0).normal(size=(5, 3)), 20, axis=0)
    own = fitted(x, x[:, 0])
    assert np.isfinite(own.draw([x], 3, np.random.default_rng(0))).all()


def test_equal_values_are_predicted_everywhere():
    x = np.random.default_rng(0).normal(size=(10, 2))
    mean, deviation = fitted(x, np.full(10, 3.0)).predict([x + 1])
    assert mean == pytest.approx(np.full(10, 3.0))
    assert np.isfinite(deviation).all()


def counts(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(0.7, (rows, 30)).astype(np.float32)


def test_tanimoto_is_its_definition():
    a, b = counts(8, 0), counts(6, 1)
    expected = [[np.minimum(x, y).sum() / np.maximum(x, y).sum() for y in b] for x in a]
    assert views.Tanimoto().similarity(a, b) == pytest.approx(np.array(expected), abs=1e-6)


def test_objects_without_any_count_are_alike():
    assert views.Tanimoto().similarity(np.zeros((1, 3)), np.zeros((1, 3))).tolist() == [[1]]


@pytest.mark.parametrize("kind", [views.Matern, views.Linear])
def test_the_diagonal_is_that_of_the_kernel(kind):
    a = counts(7, 2).astype(np.float64)
    view = kind.of(a)
    assert view.diagonal(a) == pytest.approx(np.diag(view.kernel(view.similarity(a, a), 0.3)))


@pytest.mark.parametrize("kind", [views.Matern, views.Linear])
def test_kernels_are_positive_semidefinite(kind):
    a = counts(25, 3).astype(np.float64)
    view = kind.of(a)
    try:
        cho_factor(view.kernel(view.similarity(a, a), 0.0) + 1e-8 * np.eye(25))
    except LinAlgError:
        pytest.fail("not positive definite")


def test_only_the_linear_view_expects_more_of_more():
    sizes = np.arange(1, 11)[:, None] * np.ones((1, 4))
    y = sizes[:, 0] * 2.0
    large = np.full((1, 4), 20.0)
    linear = GaussianProcess([views.Linear.of(sizes)], [sizes], y, np.random.default_rng(0)).predict([large])[0]
    bounded = GaussianProcess([views.Tanimoto()], [sizes], y, np.random.default_rng(0)).predict([large])[0]
    assert linear[0] == pytest.approx(40, abs=1)
    assert bounded[0] < 25
