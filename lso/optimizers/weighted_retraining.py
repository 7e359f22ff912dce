"""`local` in the latent space of an autoencoder that is trained further every 50 calls on what is good so far.

Before the first call and after every 50, a copy of the autoencoder learns from the start's strings and those found,
weighted by rank (`lso.retraining`); proposals and surrogate then go on in the copy's space. Codes in the record are
those of the space in which they were proposed.

Source: Tripp et al. 2020, with the proposals of `local` in place of theirs.
"""

from __future__ import annotations

import numpy as np

from lso.novelty import Novelty
from lso.optimizers import local
from lso.retraining import retrained
from lso.search import Search
from lso.strings import StringSpace
from lso.surrogates.sight import Surrogate
from methods.core.errors import BadInput

_EVERY = 50  # calls


def optimize(search: Search) -> None:
    """Score what the surrogate chooses among new neighbors of the best, in a space that follows them."""
    space = search.space
    if not isinstance(space, StringSpace):
        raise BadInput(
            f"weighted_retraining trains a decoder, of which the task {search.task.name} has none: use local"
        )
    surrogate, novelty, due = Surrogate(search), Novelty(search), 0
    for random in search.rounds():
        if search.unique_calls >= due:
            search.space = space = _moved(search, space)
            surrogate, due = Surrogate(search), search.unique_calls + _EVERY
        local.propose(search, surrogate, novelty, random)


def _moved(search: Search, space: StringSpace) -> StringSpace:
    """The space after what is known now."""
    strings = [*search.start.strings, *search.strings]
    costs = np.concatenate([search.start_costs, search.costs])
    seed = int(np.random.default_rng([search.seed, 1 << 25, search.unique_calls]).integers(1 << 31))
    return retrained(space, strings, costs, seed=seed) if strings else space
