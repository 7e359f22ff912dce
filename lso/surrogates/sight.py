"""What a search's surrogate may look at: codes and pieces of strings, or the task's own descriptor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lso.search import Search
from lso.surrogates.gaussian_process import GaussianProcess, Hyperparameters
from lso.surrogates.views import Linear, Matern, Tanimoto, View

Matrix = NDArray[np.float64]

_BEST, _RANDOM, _NEW = 250, 100, 500  # training objects: best and random ones of the start, and those found
_SHORTLIST = 500


class Surrogate:
    """Gaussian processes fitted to a search again and again.

    It sees descriptors where the search may know them, else codes and pieces of strings.

    Args:
        search: whose scores are modeled.
    """

    def __init__(self, search: Search) -> None:
        self.search = search
        self._hyper: Hyperparameters | None = None
        costs = search.start_costs
        best = np.argsort(costs, kind="stable")[:_BEST]
        more = np.random.default_rng([search.seed, 1 << 22]).permutation(len(costs))[:_RANDOM]
        rows = np.union1d(best, more)
        self._start = [search.start.strings[row] for row in rows]
        self._start_costs = costs[rows]
        self._views: list[View] = []
        self._process: GaussianProcess | None = None
        self._rows: dict[str, list[Matrix]] = {}
        self._candidates: dict[str, list[Matrix]] = {}  # theirs, until the next fit, as are the means
        self._means: dict[str, float] = {}

    def fit(self, random: np.random.Generator) -> None:
        """Fit to all that is known now."""
        self._candidates, self._means = {}, {}
        strings, costs = self._known()
        features = self._features(strings, self._rows)
        y = self.search.task.flattened(costs)
        if not self._views:
            self._views = self._choose(features)
        used = self._looked_at(features)
        self._process = GaussianProcess(self._views, used, y, random, before=self._hyper)
        self._hyper = self._process.hyper

    def choose(self, strings: Sequence[str], count: int, random: np.random.Generator) -> list[int]:
        """Places of the strings that Thompson sampling picks: each is best in another draw of the function."""
        if len(strings) <= count:
            return list(range(len(strings)))
        features = self._seen(strings) if self._candidates else self._looked_at(self._computed(strings))
        mean, deviation = self._fitted.predict(features)
        short = np.argsort(mean - 2 * deviation)[:_SHORTLIST]
        draws = self._fitted.draw([part[short] for part in features], count, random)
        return [int(short[place]) for place in _distinct_minima(draws)]

    def means(self, strings: Sequence[str]) -> NDArray[np.float64]:
        """Expected costs, on their flattened scale: low is promising."""
        missing = list(dict.fromkeys(string for string in strings if string not in self._means))
        if missing:
            self._means.update(zip(missing, self._fitted.means(self._seen(missing)).tolist(), strict=True))
        return np.array([self._means[string] for string in strings])

    @property
    def _fitted(self) -> GaussianProcess:
        if self._process is None:
            raise RuntimeError("fit the surrogate first")
        return self._process

    def _known(self) -> tuple[list[str], NDArray[np.float64]]:
        found, costs = self.search.strings, self.search.costs
        if len(found) > _NEW:
            kept = np.argsort(costs, kind="stable")[:_NEW]
            found, costs = [found[place] for place in kept], costs[kept]
        return self._start + found, np.concatenate([self._start_costs, costs])

    def _features(self, strings: Sequence[str], known: dict[str, list[Matrix]]) -> list[Matrix]:
        """Features by kind; those that are not known yet are computed, and then are."""
        missing = list(dict.fromkeys(string for string in strings if string not in known))
        if missing:
            parts = self._computed(missing)
            known.update({string: [part[row] for part in parts] for row, string in enumerate(missing)})
        return [np.stack(column) for column in zip(*(known[string] for string in strings), strict=True)]

    def _computed(self, strings: Sequence[str]) -> list[Matrix]:
        described = self.search.descriptor(strings)
        if described is not None:
            return [described]
        codes = np.nan_to_num(self.search.space.encode(strings))
        return [codes, self.search.space.fragments(strings).astype(np.float64)]

    def _choose(self, features: list[Matrix]) -> list[View]:
        if len(features) == 2:
            return [Matern.of(features[0]), Tanimoto()]
        return [Tanimoto(), Linear.of(features[0])] if self.search.task.counts else [Matern.of(features[0])]

    def _looked_at(self, features: list[Matrix]) -> list[Matrix]:
        """The features of each view."""
        if any(isinstance(view, Linear) for view in self._views):
            return [features[0], features[0]]
        return features

    def _seen(self, strings: Sequence[str]) -> list[Matrix]:
        return self._looked_at(self._features(strings, self._candidates))


def _distinct_minima(draws: Matrix) -> list[int]:
    """For every draw its best place that no draw before it has taken."""
    taken: dict[int, None] = {}
    for draw in draws:
        order = np.argsort(draw)
        taken.setdefault(next(int(place) for place in order if int(place) not in taken))
    return list(taken)
