"""CMA-ES in the latent space, from the best code of the start.

Source: N. Hansen, the library `cma`. A repeat or an invalid string costs no call; its cost is the worst seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lso.codes import Codes
from lso.neighborhood import moments, pool
from lso.search import Search

_STEP = 0.3  # first standard deviation, in those of the start's codes
_PATIENCE = 10  # iterations without a new string before a restart


def optimize(search: Search) -> None:
    """Ask CMA-ES for codes, decode and score them, and tell it their costs."""

    mean, spread = moments(search)
    strategy, waited = _start(search, 0, mean, spread), 0
    for random in search.rounds():
        asked = strategy.ask()
        codes = mean + spread * np.array(asked)
        before = search.unique_calls
        costs = search.score(search.space.decode(codes), source="cmaes", codes=codes)
        worst = np.nanmax(np.concatenate([costs, search.costs, [0.0]]))
        strategy.tell(asked, np.where(np.isnan(costs), worst, costs).tolist())
        waited = waited + 1 if search.unique_calls == before else 0
        if strategy.stop() or waited == _PATIENCE:
            strategy, waited = _start(search, int(random.integers(1 << 30)), mean, spread), 0


def _start(search: Search, restart: int, mean: Codes, spread: Codes) -> Any:
    """A strategy round the best code, or after a restart round one of the 50 best, with larger steps."""
    import cma

    elites = pool(search, size=50).codes
    chosen = restart % max(len(elites), 1)
    center = (elites[chosen] - mean) / spread if len(elites) else np.zeros_like(mean)
    step = _STEP if restart == 0 else 2 * _STEP
    settings = {"popsize": max(search.batch, 4), "seed": search.seed + restart + 1, "verbose": -9, "maxfevals": np.inf}
    return cma.CMAEvolutionStrategy(center, step, settings)
