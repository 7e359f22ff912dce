"""What a Gaussian process sees of objects: each view gives a kernel between rows of its features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Matrix = NDArray[np.float64]

_HALVES = 64  # counts above are as large as this


class View(Protocol):
    """A kernel with at most one hyperparameter, over features that are known from the start.

    The hyperparameter is the logarithm of a length, in units in which 0 is a good guess.
    """

    def similarity(self, a: Matrix, b: Matrix) -> Matrix:
        """What the kernel is a function of, for all pairs of rows: (A, B)."""

    def kernel(self, similarity: Matrix, log_length: float) -> Matrix:
        """Kernel values of such pairs."""

    def diagonal(self, a: Matrix) -> NDArray[np.float64]:
        """Kernel values of every row with itself."""


@dataclass(frozen=True)
class Matern:
    """Matern-5/2 of the Euclidean distance. Lengths are in units of `scale`, the median distance.

    Source: Rasmussen and Williams 2006, Eq. 4.17.
    """

    scale: float

    @classmethod
    def of(cls, features: Float[Matrix, "N F"]) -> Matern:
        """With the median distance of some rows."""
        some = features[:: max(1, len(features) // 300)]
        distances = cdist(some, some)[np.triu_indices(len(some), 1)]
        return cls(float(np.median(distances)) if distances.size and np.median(distances) > 0 else 1.0)

    def similarity(self, a: Matrix, b: Matrix) -> Matrix:
        return cdist(a, b) / self.scale

    def kernel(self, similarity: Matrix, log_length: float) -> Matrix:
        r = np.sqrt(5) * similarity / np.exp(log_length)
        found = r * r
        found /= 3  # in place, as are the others: these matrices are large, and new ones take most of the time
        found += 1 + r
        np.negative(r, out=r)
        found *= np.exp(r, out=r)
        return found

    def diagonal(self, a: Matrix) -> NDArray[np.float64]:
        return np.ones(len(a))


@dataclass(frozen=True)
class Tanimoto:
    """sum min(a, b) / sum max(a, b) of counts. It has no hyperparameter.

    Source: L. Ralaivola et al. 2005; counts after Tripp and Hernandez-Lobato 2023.
    """

    def similarity(self, a: Matrix, b: Matrix) -> Matrix:
        least = np.zeros((len(a), len(b)), np.float32)
        top = int(min(max(a.max(initial=0), b.max(initial=0)), _HALVES))
        for level in range(1, top + 1):  # min(a, b) is the number of levels that both reach
            left, right = a >= level, b >= level
            used = left.any(0) & right.any(0)
            if used.any():
                least += left[:, used].astype(np.float32) @ right[:, used].astype(np.float32).T
        most = a.clip(max=_HALVES).sum(1)[:, None] + b.clip(max=_HALVES).sum(1)[None] - least
        return np.divide(least, most, out=np.ones(least.shape), where=most > 0)

    def kernel(self, similarity: Matrix, log_length: float) -> Matrix:
        del log_length
        return similarity

    def diagonal(self, a: Matrix) -> NDArray[np.float64]:
        return np.ones(len(a))


@dataclass(frozen=True, eq=False)
class Linear:
    """The inner product of features less `center`, over `scale` squared: the only kernel here that extrapolates.

    Without it no model of molecules expects anything of one that is larger than all it has seen.
    """

    center: NDArray[np.float64]
    scale: float

    @classmethod
    def of(cls, features: Float[Matrix, "N F"]) -> Linear:
        """Centered at the mean of some rows, so that their mean squared length is 1."""
        center = np.asarray(features, np.float64).mean(0)
        return cls(center, float(np.sqrt(np.square(features - center).sum(1).mean())) or 1.0)

    def similarity(self, a: Matrix, b: Matrix) -> Matrix:
        return (a - self.center) @ (b - self.center).T / self.scale**2

    def kernel(self, similarity: Matrix, log_length: float) -> Matrix:
        del log_length
        return similarity

    def diagonal(self, a: Matrix) -> NDArray[np.float64]:
        return np.square(a - self.center).sum(1) / self.scale**2
