"""Codes near the best ones: perturbed, crossed, and some from the prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lso import ranks
from lso.codes import Codes
from lso.search import Search

_MOMENTS = 2000  # strings of the start that tell where codes lie


@dataclass(frozen=True)
class Neighborhood:
    """Where codes are drawn.

    Attributes:
        elites: how many of the best codes they surround.
        sigma: smallest and largest step, in standard deviations of the start's codes; each code has its own, drawn
            evenly in its logarithm.
        crossed: share of codes between or mixed from two elites.
        prior: share drawn from a Gaussian with the mean and standard deviations of the start's codes.
        niche: among elites that score this close to one another only one is kept, in standard deviations of the
            start's scores; 0 for those that score the same, to the seventh digit. Without it, what is found first in a
            plateau soon fills the whole pool.
    """

    elites: int = 50
    sigma: tuple[float, float] = (0.3, 2.0)
    crossed: float = 0.3
    prior: float = 0.3
    niche: float = 0.0


@dataclass(frozen=True)
class Pool:
    """Codes of what was scored, by rank.

    Attributes:
        codes: re-encoded from the strings, not those that were proposed.
        costs: theirs.
        strings: these.
        mean: of the start's codes.
        spread: their standard deviations.
    """

    codes: Codes
    costs: NDArray[np.float64]
    strings: list[str]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    def draw(self, count: int, settings: Neighborhood, random: np.random.Generator) -> Codes:
        """New codes around these."""
        elites = self.codes[: settings.elites]
        first, second, third = ranks.draw(len(elites), (3, count), random)
        low, high = np.log(settings.sigma)
        sigma = np.exp(random.uniform(low, high, (count, 1)))
        codes = elites[first] + sigma * self.spread * _mask(count, elites.shape[1], random) * _normal(
            elites, count, random
        )
        crossed = random.random(count) < settings.crossed
        mixed = _mixed(elites[second], elites[third], random) + 0.2 * self.spread * _normal(elites, count, random)
        codes[crossed] = mixed[crossed]
        prior = random.random(count) < settings.prior
        codes[prior] = (self.mean + self.spread * _normal(elites, count, random))[prior]
        return codes


def pool(search: Search, *, size: int, niche: float = 0.0) -> Pool:
    """The `size` best of the start and of what was found, best first; strings without a code are left out.

    Args:
        niche: as in `Neighborhood`.
    """
    start = np.sort(np.argsort(search.start_costs, kind="stable")[: 4 * size])
    strings = [search.start.strings[row] for row in start] + search.strings
    costs = np.concatenate([search.start_costs[start], search.costs])
    order = np.argsort(costs, kind="stable")
    kept = _distinct(order, costs, _width(search, niche))[:size]
    codes = search.space.encode([strings[place] for place in kept])
    whole = np.isfinite(codes).all(1)
    mean, spread = moments(search)
    return Pool(codes[whole], costs[kept][whole], [strings[place] for place in kept[whole]], mean, spread)


def moments(search: Search) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviations of the start's codes; of the prior's draws where the start has too few."""
    strings = search.start.strings
    rows = np.random.default_rng([search.seed, 1 << 23]).permutation(len(strings))[:_MOMENTS]
    codes = search.space.encode([strings[row] for row in rows])
    codes = codes[np.isfinite(codes).all(1)]
    if len(codes) < 2:
        codes = search.space.prior(1000, seed=search.seed)
    return codes.mean(0), codes.std(0) + 1e-6


def _width(search: Search, niche: float) -> float:
    """Of a niche, as a difference of costs."""
    return max(1e-7, niche * float(search.start_costs.std())) if len(search.start_costs) else 1e-7


def _distinct(order: NDArray[np.int64], costs: NDArray[np.float64], width: float) -> NDArray[np.int64]:
    _, first = np.unique(np.round(costs[order] / width), return_index=True)
    return order[np.sort(first)]


def _mask(count: int, latent: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Half of the codes move in all dimensions, the others in 15 to 70 percent of them."""
    share = np.where(random.random((count, 1)) < 0.5, 1.0, random.uniform(0.15, 0.7, (count, 1)))
    return (random.random((count, latent)) < share).astype(float)


def _normal(elites: Codes, count: int, random: np.random.Generator) -> Codes:
    return random.standard_normal((count, elites.shape[1]))


def _mixed(one: Codes, other: Codes, random: np.random.Generator) -> Codes:
    """Between two codes, or some dimensions of either."""
    line = random.random((len(one), 1))
    either = random.random(one.shape) < 0.5
    crossover = random.random((len(one), 1)) < 0.5
    return np.where(crossover, np.where(either, one, other), line * one + (1 - line) * other)
