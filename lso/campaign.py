"""Runs of several optimizers and seeds, at once where there are cores or a cluster, and what came of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lso.plan import Plan
from lso.processes import processes
from lso.record import Record, Rows
from lso.worker import Evaluated, Failed, Finished, Lost, Message, Over, run_seed
from lso.workers import Starter, Workers
from methods.core.errors import BadInput

_LIVES = 3  # restarts of a seed whose worker dies, as of a study's trial


@dataclass
class Outcome:
    """What came of a plan.

    Attributes:
        finished: runs that are over.
        interrupted: whether Ctrl-C came first.
    """

    finished: list[Finished] = field(default_factory=list)
    interrupted: bool = False


def run(plan: Plan, record: Record, show: Callable[[Message], None], *, start: Starter | None = None) -> Outcome:
    """Run all seeds of the plan and write every proposal to the record as it comes.

    Ctrl-C ends it and keeps what was recorded. A seed whose worker dies is run again from its rows in the record: calls
    that were recorded are not made again.

    Args:
        show: told of everything.
        start: where seeds run; by default in a process for every core, and in this one for a single seed.

    Raises:
        BadInput: a run failed; the record keeps what was evaluated.
    """
    outcome = Outcome()

    def tell(message: Message) -> None:
        if isinstance(message, Evaluated):
            record.add(message.rows, message.codes)
        elif isinstance(message, Finished):
            if any((run.optimizer, run.seed) == (message.optimizer, message.seed) for run in outcome.finished):
                return  # before the seed's worker died
            outcome.finished.append(message)
        show(message)

    cores = min(plan.seeds, len(os.sched_getaffinity(0)))
    try:
        if start is None and cores == 1:
            for seed in range(plan.seeds):
                run_seed(plan, seed, _rows(record, seed), tell)
        else:
            with (start or processes(cores))(plan) as workers:
                _drive(plan, record, tell, workers)
    except KeyboardInterrupt:
        outcome.interrupted = True
    return outcome


def _drive(plan: Plan, record: Record, tell: Callable[[Message], None], workers: Workers) -> None:
    """Keep all workers at work until every seed is over."""
    waiting, at_work, lost = list(range(plan.seeds)), set[int](), Counter[int]()
    try:
        while waiting or at_work:
            while waiting and len(at_work) < workers.count:
                at_work.add(waiting[0])
                workers.start(waiting[0], _rows(record, waiting.pop(0)))
            message = workers.next()
            if isinstance(message, Failed):
                raise BadInput(message.reason)
            if isinstance(message, Over | Lost):
                at_work.discard(message.seed)
            if isinstance(message, Lost):
                lost[message.seed] += 1
                if lost[message.seed] > _LIVES:
                    raise BadInput(f"seed {message.seed} was begun {_LIVES + 1} times in vain: {message.reason}")
                record.rewind(message.seed)
                waiting.insert(0, message.seed)
            tell(message)
    except BaseException:
        for message in workers.rest():
            if isinstance(message, Evaluated):
                tell(message)
        raise


def _rows(record: Record, seed: int) -> Rows:
    """What the record has of a seed."""
    return {run: list(rows) for run, rows in record.rows.items() if run[1] == seed}
