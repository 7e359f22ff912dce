"""How long the searches with a trial's decoder take, by one of them."""

from __future__ import annotations

import time

from methods.core.base import Method
from methods.core.errors import BadInput
from orchestrator.definition.optimization import Optimization

_FEW = 5  # iterations from which the rest is estimated
_WHOLE = 10.0  # seconds that a whole search may take, to be timed as such


def search_seconds(optimization: Optimization, method: Method) -> float:
    """Seconds of all searches of a trial with its `method`, which may have been trained for a few steps.

    A few iterations of one search are timed, and all of it where they promise that it ends within ten seconds. Longer
    ones are taken to need as much for every iteration, though some optimizers are slower the more they know. With a
    decoder that writes nothing valid yet, it is the time after which a search gives up.
    """
    few = min(optimization.budget, _FEW * optimization.batch)
    took, ended = _timed(optimization, few, method)
    if not ended or few == optimization.budget:
        return optimization.seeds * took
    estimate = took * optimization.budget / few
    if estimate < _WHOLE:
        estimate, _ = _timed(optimization, optimization.budget, method)
    return optimization.seeds * estimate


def _timed(optimization: Optimization, budget: int, method: Method) -> tuple[float, bool]:
    """Seconds of one search with `budget` calls, and whether it went to its end."""
    one = optimization.model_copy(update={"budget": budget, "seeds": 1})
    start = time.perf_counter()
    try:
        one.measure(method)
    except BadInput:
        return time.perf_counter() - start, False
    return time.perf_counter() - start, True
