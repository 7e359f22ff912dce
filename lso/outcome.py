"""What an optimizer finds with a decoder, in a few numbers that choose a regularizer by what it is used for.

Section 6.2 of NE-VAE asks for this choice, which papers make by reconstruction or by likelihood.
"""

from __future__ import annotations

import statistics

from lso import optimizers
from lso.plan import Plan
from lso.search import Search
from lso.strings import StringSpace
from lso.task import Task
from methods.core.base import Method
from methods.core.errors import BadInput

NAMES = ("best", "calls", "valid")
"""What `measure` returns."""


def check(task: Task, likelihood: str) -> None:
    """Whether a decoder with this likelihood writes what the task reads.

    Raises:
        BadInput: it does not.
    """
    if not likelihood.startswith(task.reads):
        raise BadInput(
            f"a decoder of {likelihood} writes nothing that the task {task.name} can read: choose data whose "
            f"likelihood begins with {task.reads}"
        )


def measure(task: Task, method: Method, plan: Plan) -> dict[str, float]:
    """Means over the searches of a plan's first optimizer, under the seeds 0, 1, …

    All searches know the same strings of the start, those that it shows under the seed 0, as do data sets such as
    `expressions_tlbo`: what an autoencoder has seen and what a search has seen are the same.

    Returns:
        `best`: the best score that was found, in the task's own direction; `calls`: of the objective until the task was
        solved, or the budget where it was not; `valid`: share of the proposals that mean something.

    Raises:
        BadInput: the decoder writes no strings, or nothing valid.
    """
    space, start = StringSpace(method), task.start(plan.start, 0)
    (optimizer, *_), best, calls, valid = plan.optimizers, [], [], []
    for seed in range(plan.seeds):
        search = Search(
            task,
            space,
            start,
            optimizer=optimizer,
            seed=seed,
            budget=plan.budget,
            batch=plan.batch,
            knowledge=plan.knowledge,
        )
        optimizers.run(optimizer, search)
        found = min(*search.costs, *search.start_costs)
        best.append(-found if task.maximize else found)
        calls.append(search.unique_calls if search.solved else plan.budget)
        valid.append(search.valid_calls / max(1, search.proposals))
    return dict(zip(NAMES, map(statistics.fmean, (best, calls, valid)), strict=True))
