"""The search of the grammar VAE: a sparse Gaussian process on all that is known, and batches by expected improvement.

Source: Kusner et al. 2017 and their code. With `--start gvae --batch 50 --budget 250` it is their protocol: a process
with 500 inducing points on raw costs, a box around all codes, five batches of 50, scores given to the codes that were
proposed, the worst cost to invalid strings; and every proposal counts as a call, repeats and strings of the start too.
What differs: codes are decoded once, greedily, where they take a vote among 25 samples; the process is fitted by its
variational bound (`lso.surrogates.sparse`), in few large steps where they take many small ones.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lso.codes import Codes
from lso.search import Search
from lso.surrogates.believer import greedy_batch
from lso.surrogates.sparse import SparseGaussianProcess
from lso.task import Values
from methods.core.errors import BadInput

_INDUCING = 500
_STEPS, _RATE, _ROWS = 15, 0.1, 1000  # of Adam on the bound


def optimize(search: Search) -> None:
    """Score batches of codes with the largest expected improvement, until as many were proposed as the budget says."""
    codes, costs = _known(search)
    search.forget_start()
    for random in search.rounds():
        generator = torch.Generator().manual_seed(int(random.integers(1 << 31)))
        process = SparseGaussianProcess(codes, costs, inducing=_INDUCING, generator=generator)
        process.fit(steps=_STEPS, rate=_RATE, batch=_ROWS)
        bounds = torch.stack([codes.amin(0), codes.amax(0)])
        chosen = greedy_batch(process, bounds, min(search.batch, search.budget - search.proposals), generator)
        scored = _scored(search, chosen.numpy(), worst=float(costs.max()))
        codes, costs = torch.cat([codes, chosen]), torch.cat([costs, scored])
        if search.proposals >= search.budget:
            return


def _known(search: Search) -> tuple[Tensor, Tensor]:
    """Codes of the start, and their costs."""
    codes, costs = search.space.encode(search.start.strings), search.start_costs
    whole = np.isfinite(codes).all(1)
    if not whole.any():
        raise BadInput("nothing is known of which gvae could make a model: choose a start that shows strings")
    return torch.from_numpy(codes[whole]), torch.from_numpy(costs[whole])


def _scored(search: Search, codes: Codes, *, worst: float) -> Tensor:
    """Costs of what the codes decode to."""
    costs: Values = search.score(search.space.decode(codes), source="expected_improvement", codes=codes)
    return torch.from_numpy(np.where(np.isnan(costs), worst, costs))
