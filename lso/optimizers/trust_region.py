"""Thompson sampling in a trust region round the best code, which is re-encoded from what it decodes to.

Source: TuRBO (Eriksson et al. 2019), with the recoordination of CoBO (Lee et al. 2023): scores belong to the codes of
the strings, and so does the region's center. Candidates are clipped to where the start's codes lie.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from lso.neighborhood import Pool, pool
from lso.search import Search
from lso.surrogates.sight import Surrogate

_DECODED, _KEPT = 2000, 1000
_FIRST, _LEAST, _MOST = 0.8, 2**-7, 1.6
_SUCCESSES, _FAILURES = 3, 5
_REACH = 4.0  # half of the cube's edge, in standard deviations of the start's codes
_MOVED = 20  # dimensions in which a candidate differs from the center, about


@dataclass
class Region:
    """A box round the best code.

    Attributes:
        length: of its edge, in that of the cube.
        best: lowest cost so far.
        successes: batches in a row with a better cost.
        failures: batches in a row without.
        skipped: of the best codes, how many earlier regions shrank to nothing round.
    """

    length: float = _FIRST
    best: float = np.inf
    successes: int = 0
    failures: int = 0
    skipped: int = 0

    def learn(self, cost: float) -> None:
        """Grow after some better batches, shrink after some without, start anew elsewhere when it is too small."""
        better = cost < self.best - 1e-6
        self.best = min(self.best, cost)
        self.successes, self.failures = (self.successes + 1, 0) if better else (0, self.failures + 1)
        if self.successes == _SUCCESSES:
            self.length, self.successes = min(2 * self.length, _MOST), 0
        elif self.failures == _FAILURES:
            self.length, self.failures = self.length / 2, 0
        if self.length < _LEAST:
            self.length, self.skipped, self.best = _FIRST, self.skipped + 1, np.inf


def optimize(search: Search) -> None:
    """Score what the surrogate chooses in the region."""
    surrogate, region = Surrogate(search), Region()
    for random in search.rounds():
        found = pool(search, size=50)
        codes = candidates(found, region, random)
        strings = search.space.decode(codes)
        fresh = np.array(search.fresh(strings, most=_KEPT), dtype=np.int64)
        if not len(fresh):
            region.learn(np.inf)
            continue
        surrogate.fit(random)
        chosen = fresh[surrogate.choose([strings[place] for place in fresh], search.batch, random)]
        costs = search.score([strings[place] for place in chosen], source="trust_region", codes=codes[chosen])
        region.learn(float(np.nanmin(costs)))


def candidates(found: Pool, region: Region, random: np.random.Generator) -> NDArray[np.float64]:
    """Sobol points in the box, each moved in about `_MOVED` dimensions."""
    center = found.codes[region.skipped % len(found.codes)]
    latent = len(center)
    engine = qmc.Sobol(latent, seed=random)
    offsets = (engine.random(2 ** int(np.ceil(np.log2(_DECODED)))) - 0.5)[:_DECODED]
    codes = center + offsets * region.length * 2 * _REACH * found.spread
    moved = random.random(codes.shape) < min(_MOVED / latent, 1)
    moved[np.arange(len(codes)), random.integers(latent, size=len(codes))] = True
    codes = np.where(moved, codes, center)
    return codes.clip(found.mean - _REACH * found.spread, found.mean + _REACH * found.spread)
