"""The three numbers that Kusner et al. 2017 and those who followed them print of a search.

They differ from ours in what they count: every proposal, also repeats and strings that were known before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lso.record import Row


def gvae_statistics(runs: Sequence[Sequence[Row]], calls: int, *, maximize: bool) -> dict[str, Any]:
    """Of the first `calls` proposals of every run, by `get_final_results.py` of their code.

    Args:
        runs: rows of every run.
        maximize: whether high scores are good.

    Returns:
        `fraction_valid`: mean over runs of the share of proposals that mean something. `average`: mean over runs of
        their mean score, without proposals that score as the worst of all do, and `average_sd` over runs; None where
        nothing is left. `best_three`: best scores of runs, equal ones counted once, so there may be fewer.
    """
    kept = [list(rows[:calls]) for rows in runs]
    sign = -1.0 if maximize else 1.0
    costs = [np.array([sign * row.score for row in rows if row.score is not None]) for rows in kept]
    worst = max((own.max() for own in costs if len(own)), default=0.0)
    means = [own[own < worst].mean() for own in costs if (own < worst).any()]
    bests = sorted({round(float(own.min()), 9) for own in costs if len(own)})  # other spellings, other roundings
    return {
        "fraction_valid": float(np.mean([np.mean([row.valid for row in rows]) for rows in kept])),
        "average": float(sign * np.mean(means)) if means else None,
        "average_sd": float(np.std(means, ddof=1)) if len(means) > 1 else None,
        "best_three": [sign * value for value in bests[:3]],
    }
