"""One batch as `local` proposes it, the next as `hybrid` does: far neighbors in the latent space, then children.

`local` cannot leave what the decoder writes, and `hybrid` settles where its children are all alike; each begins from
what the other found.
"""

from __future__ import annotations

from lso import generations
from lso.novelty import Novelty
from lso.optimizers import local
from lso.search import Search
from lso.surrogates.sight import Surrogate
from methods.core.errors import BadInput


def optimize(search: Search) -> None:
    """Score what the surrogate chooses among new neighbors of the best, and among four generations, in turn."""
    breeders = search.task.breeders()
    if not breeders:
        raise BadInput(f"the task {search.task.name} names no way to breed strings: use local")
    surrogate, novelty = Surrogate(search), Novelty(search)
    for random in search.rounds():
        if search.iteration % 2:
            generations.propose(search, surrogate, novelty, breeders, random)
        else:
            local.propose(search, surrogate, novelty, random)
