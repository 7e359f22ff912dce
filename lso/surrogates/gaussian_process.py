"""Exact Gaussian processes on a few hundred objects: sums of kernels, one for each view of the object.

Small on purpose: with a thousand points at most, hyperparameters from a random search over the marginal likelihood are
found in hundredths of a second, where a general library needs seconds. Everything is in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, cholesky, eigh, solve_triangular

from lso.surrogates.views import View

Matrix = NDArray[np.float64]
Features = Sequence[Matrix]
"""Rows of the features of every view."""

_NOISE = (-9.0, 0.0)  # logarithm of the noise variance, of that of the signal
_LENGTH = (-2.0, 2.0)
_FIRST, _LATER, _STEP = 24, 6, 0.5


@dataclass(frozen=True)
class Hyperparameters:
    """Of a sum of kernels.

    Attributes:
        weights: of the views, with sum 1.
        log_lengths: one a view.
        log_noise: variance of the noise in units of that of the signal.
    """

    weights: tuple[float, ...]
    log_lengths: tuple[float, ...]
    log_noise: float


class GaussianProcess:
    """A posterior over functions of objects.

    Args:
        views: what it sees.
        features: of the training objects, by view.
        y: their values; they are standardized inside.
        random: for the search over hyperparameters.
        before: hyperparameters found with almost the same data: the search then stays close to them.
    """

    def __init__(
        self,
        views: Sequence[View],
        features: Features,
        y: NDArray[np.float64],
        random: np.random.Generator,
        *,
        before: Hyperparameters | None = None,
    ) -> None:
        self.views, self.features = views, features
        self._mean, self._spread = float(y.mean()), float(y.std()) or 1.0
        standard = (y - self._mean) / self._spread
        similarities = [view.similarity(part, part) for view, part in zip(views, features, strict=True)]
        tries = _tries(len(views), random, before)
        results = [self._fit(similarities, standard, guess) for guess in tries]
        best = int(np.argmax([likelihood for likelihood, _ in results]))
        self.hyper = tries[best]
        _, state = results[best]
        if state is None:
            raise ArithmeticError("no covariance matrix was positive definite")
        self._factor, self._weights, self._scale = state

    def _fit(self, similarities: list[Matrix], y: Matrix, guess: Hyperparameters) -> tuple[float, tuple | None]:
        """The log marginal likelihood with the best signal variance, which has a closed form."""
        covariance = self._kernel(similarities, guess)
        covariance[np.diag_indices_from(covariance)] += np.exp(guess.log_noise) + 1e-8
        try:
            factor = cho_factor(covariance, lower=True, check_finite=False)
        except LinAlgError:
            return -np.inf, None
        weights = cho_solve(factor, y, check_finite=False)
        scale = float(y @ weights) / len(y)
        likelihood = -0.5 * len(y) * np.log(max(scale, 1e-12)) - np.log(np.diag(factor[0])).sum()
        return float(likelihood), (factor, weights, max(scale, 1e-12))

    def _kernel(self, similarities: Sequence[Matrix], hyper: Hyperparameters) -> Matrix:
        parts = zip(self.views, similarities, hyper.weights, hyper.log_lengths, strict=True)
        return sum((weight * view.kernel(value, length) for view, value, weight, length in parts), start=np.zeros(1))

    def means(self, features: Features) -> NDArray[np.float64]:
        """Means of the function."""
        return self._cross(features) @ self._weights * self._spread + self._mean

    def predict(self, features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means and standard deviations of the function, without noise."""
        cross = self._cross(features)
        half = solve_triangular(self._factor[0], cross.T, lower=True, check_finite=False)
        variance = self._diagonal(features) - np.square(half).sum(0)
        deviation = np.sqrt(np.maximum(variance * self._scale, 1e-12))
        return cross @ self._weights * self._spread + self._mean, deviation * self._spread

    def draw(self, features: Features, count: int, random: np.random.Generator) -> Matrix:
        """Joint draws (count, N) of the function."""
        cross = self._cross(features)
        half = solve_triangular(self._factor[0], cross.T, lower=True, check_finite=False)
        own = [view.similarity(part, part) for view, part in zip(self.views, features, strict=True)]
        covariance = (self._kernel(own, self.hyper) - half.T @ half) * self._scale
        noise = random.standard_normal((count, len(covariance)))
        return (cross @ self._weights + noise @ _root(covariance).T) * self._spread + self._mean

    def _cross(self, features: Features) -> Matrix:
        pairs = zip(self.views, features, self.features, strict=True)
        return self._kernel([view.similarity(part, own) for view, part, own in pairs], self.hyper)

    def _diagonal(self, features: Features) -> Matrix:
        parts = zip(self.views, features, self.hyper.weights, strict=True)
        return sum((weight * view.diagonal(rows) for view, rows, weight in parts), start=np.zeros(1))


def _tries(views: int, random: np.random.Generator, before: Hyperparameters | None) -> list[Hyperparameters]:
    if before is None:
        return [Hyperparameters((1 / views,) * views, (0.0,) * views, -5.0)] + [
            Hyperparameters(
                tuple(random.dirichlet(np.ones(views))),
                tuple(random.uniform(*_LENGTH, views)),
                float(random.uniform(*_NOISE)),
            )
            for _ in range(_FIRST - 1)
        ]
    return [before] + [_near(before, random) for _ in range(_LATER)]


def _near(before: Hyperparameters, random: np.random.Generator) -> Hyperparameters:
    weights = np.array(before.weights) * np.exp(_STEP * random.standard_normal(len(before.weights)))
    lengths = np.array(before.log_lengths) + _STEP * random.standard_normal(len(weights))
    noise = np.clip(before.log_noise + 2 * _STEP * random.standard_normal(), *_NOISE)
    return Hyperparameters(tuple(weights / weights.sum()), tuple(np.clip(lengths, *_LENGTH)), float(noise))


def _root(covariance: Matrix) -> Matrix:
    """A matrix whose product with its transpose is the covariance, with as little jitter as it takes."""
    for jitter in (1e-8, 1e-6, 1e-4, 1e-2):
        try:
            return cholesky(covariance + jitter * np.eye(len(covariance)), lower=True, check_finite=False)
        except LinAlgError:
            continue
    values, vectors = eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))
