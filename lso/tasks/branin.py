"""The Branin function through an identity decoder: something to try optimizers on, since its three minima are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lso.task import Start, Task

MINIMUM = 0.39788735772973816


def branin(x: float, y: float) -> float:
    """Dixon and Szegoe 1978."""
    a = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return a * a + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


class Branin(Task):
    """Strings are two numbers with a comma, rounded to four digits; outside of the domain they mean nothing."""

    name = "branin"

    def readable(self, string: str) -> str | None:
        try:
            x, y = map(float, string.split(","))
        except ValueError:
            return None
        return string if -5 <= x <= 10 and 0 <= y <= 15 else None

    def score(self, strings: Sequence[str]) -> list[float]:
        return [branin(*map(float, string.split(","))) for string in strings]

    def descriptor(self, strings: Sequence[str]) -> NDArray[np.float64]:
        return np.array([[float(part) for part in string.split(",")] for string in strings])

    def space(self) -> Identity:
        return Identity()

    def start(self, protocol: str, seed: int) -> Start:
        random = np.random.default_rng(seed)
        strings = Identity().decode(random.uniform((-5, 0), (10, 15), (20, 2)))
        return Start(strings, np.array(self.score(strings)))


class Identity:
    """Codes are the numbers themselves."""

    latent = 2

    def decode(self, codes: NDArray[np.float64]) -> list[str]:
        return [f"{x:.4f},{y:.4f}" for x, y in codes]

    def encode(self, strings: Sequence[str]) -> NDArray[np.float64]:
        return np.array([[float(part) for part in string.split(",")] for string in strings]).reshape(-1, 2)

    def prior(self, count: int, *, seed: int) -> NDArray[np.float64]:
        return np.random.default_rng(seed).uniform((-5, 0), (10, 15), (count, 2))

    def fragments(self, strings: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(strings), 4), np.float32)
