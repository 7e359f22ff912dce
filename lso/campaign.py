"""Runs of several optimizers and seeds, at once where there are cores, and what came of them."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any

from lso.plan import Plan
from lso.record import Record, Rows
from lso.worker import Evaluated, Failed, Finished, Message, Over, run_seed
from methods.core.errors import BadInput

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class Outcome:
    """What came of a plan.

    Attributes:
        finished: runs that are over.
        interrupted: whether Ctrl-C came first.
    """

    finished: list[Finished] = field(default_factory=list)
    interrupted: bool = False


def run(plan: Plan, record: Record, show: Callable[[Message], None], *, workers: int | None = None) -> Outcome:
    """Run all seeds of the plan and write every proposal to the record as it comes.

    Ctrl-C ends it and keeps what was recorded.

    Args:
        show: told of everything.
        workers: processes; by default one for every core, and none besides this one for a single seed.

    Raises:
        BadInput: a run failed; the record keeps what was evaluated.
    """
    count = min(plan.seeds, workers or len(os.sched_getaffinity(0)))
    outcome = Outcome()

    def tell(message: Message) -> None:
        if isinstance(message, Evaluated):
            record.add(message.rows, message.codes)
        elif isinstance(message, Finished):
            outcome.finished.append(message)
        show(message)

    earlier = {run: list(rows) for run, rows in record.rows.items()}
    try:
        if count == 1:
            for seed in range(plan.seeds):
                run_seed(plan, seed, earlier, tell)
        else:
            _parallel(plan, earlier, tell, count)
    except KeyboardInterrupt:
        outcome.interrupted = True
    return outcome


def _parallel(plan: Plan, earlier: Rows, tell: Callable[[Message], None], count: int) -> None:
    context = multiprocessing.get_context("spawn")  # so that libraries count threads anew
    messages: Any = context.Queue()
    seeds = iter(range(plan.seeds))
    processes: dict[int, BaseProcess] = {}

    def begin() -> None:
        seed = next(seeds, None)
        if seed is not None:
            own = {run: rows for run, rows in earlier.items() if run[1] == seed}
            processes[seed] = context.Process(target=_work, args=(plan, seed, own, messages), daemon=True)
            processes[seed].start()

    with _one_thread():
        for _ in range(count):
            begin()
        try:
            while processes:
                message = _next(messages, processes)
                if isinstance(message, Over):
                    processes.pop(message.seed).join()
                    begin()
                elif isinstance(message, Failed):
                    raise BadInput(message.reason)
                else:
                    tell(message)
        except BaseException:
            _drain(messages, tell)
            raise
        finally:
            for process in processes.values():
                process.terminate()


def _next(messages: Any, processes: dict[int, BaseProcess]) -> Message:
    while True:
        try:
            return messages.get(timeout=1.0)
        except queue.Empty:
            for seed, process in processes.items():
                if not process.is_alive() and messages.empty():
                    raise BadInput(f"the process of seed {seed} died (exit code {process.exitcode})") from None


def _drain(messages: Any, tell: Callable[[Message], None]) -> None:
    """Keep what was evaluated before the end."""
    while True:
        try:
            message = messages.get(timeout=0.2)
        except queue.Empty:
            return
        if isinstance(message, Evaluated):
            tell(message)


def _work(plan: Plan, seed: int, earlier: Rows, messages: Any) -> None:
    """The body of a process. Ctrl-C is for the parent, which then ends this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run_seed(plan, seed, earlier, messages.put)
        messages.put(Over(seed))
    except BadInput as error:
        messages.put(Failed(seed, str(error)))
    except Exception:
        messages.put(Failed(seed, f"seed {seed} failed:\n{traceback.format_exc()}"))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes started in here have one thread for matrices, if nothing else was asked for."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
