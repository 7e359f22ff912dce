"""All runs of one seed: its decoder, its start and every optimizer."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from lso import decoders, optimizers, tasks
from lso.codes import Space
from lso.plan import Plan
from lso.record import Row, Rows
from lso.search import Search
from lso.task import Start, Task
from methods.core.errors import BadInput


class Evaluated(NamedTuple):
    """Proposals, and the codes they were decoded from."""

    rows: Sequence[Row]
    codes: NDArray[np.float32]


class Finished(NamedTuple):
    """A run is over.

    Attributes:
        optimizer: of the run.
        seed: of the run.
        label: what the run knew.
        seconds: it took.
        start: size and best score of what it knew before, and the folder of its decoder.
    """

    optimizer: str
    seed: int
    label: str
    seconds: float
    start: Mapping[str, Any]


class Stage(NamedTuple):
    """What a seed is at, in words."""

    seed: int
    text: str


class Over(NamedTuple):
    """All runs of a seed are over."""

    seed: int


class Failed(NamedTuple):
    """A seed cannot go on, and why."""

    seed: int
    reason: str


class Lost(NamedTuple):
    """The process in which a seed ran is gone, and why; the seed can be run again."""

    seed: int
    reason: str


Message = Evaluated | Finished | Stage | Over | Failed | Lost


def work(plan: Plan, seed: int, earlier: Rows, tell: Callable[[Message], None], *, files: Path | None = None) -> None:
    """What a process does for a seed: `run_seed`, and tell how it ended."""
    try:
        run_seed(plan, seed, earlier, tell, files=files)
        tell(Over(seed))
    except BadInput as error:
        tell(Failed(seed, str(error)))
    except Exception:
        tell(Failed(seed, f"seed {seed} failed:\n{traceback.format_exc()}"))


def run_seed(
    plan: Plan, seed: int, earlier: Rows, tell: Callable[[Message], None], *, files: Path | None = None
) -> None:
    """Run every optimizer of the plan with this seed, in one thread, and tell of it.

    Args:
        earlier: rows of a record to resume from; strings in them are not scored again.
        files: where the plan's decoder lies on this machine, if elsewhere than the plan says.
    """
    task = tasks.build(plan.task, plan.settings)
    tell(Stage(seed, "start data"))
    start = _start(task, plan.start, seed)
    tell(Stage(seed, "decoder"))
    space, folder = _space(plan, task, seed, files)
    facts: dict[str, Any] = {"strings": len(start.strings), "decoder": folder}
    if len(start.scores):
        facts["best"] = float(start.scores.max() if task.maximize else start.scores.min())
    with _one_thread():
        for name in plan.optimizers:
            tell(Stage(seed, f"{name}: first proposals"))
            before = earlier.get((name, seed), [])
            search = Search(
                task,
                space,
                start,
                optimizer=name,
                seed=seed,
                budget=plan.budget,
                batch=plan.batch,
                knowledge=plan.knowledge,
                known={row.string: row.score for row in before if row.new and row.score is not None},
                observe=lambda rows, codes: tell(Evaluated(rows, codes)),
            )
            began = time.monotonic()
            optimizers.run(name, search)
            tell(Finished(name, seed, search.label, time.monotonic() - began, facts))


def _start(task: Task, protocol: str, seed: int) -> Start:
    try:
        return task.start(protocol, seed)
    except BadInput:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadInput(f"the task {task.name} cannot show the start {protocol!r} ({reason})") from error


@contextmanager
def _one_thread() -> Iterator[None]:
    """Networks and matrices are small in a search: threads would spend their time waiting for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def _space(plan: Plan, task: Task, seed: int, files: Path | None) -> tuple[Space, str | None]:
    """The latent space that is searched, and the folder of its decoder."""
    own = task.space()
    if own is not None:
        return own, None
    folder = Path(plan.decoder) if plan.decoder else decoders.default(task, plan.start, seed)
    return decoders.load(files or folder, task), str(folder)
