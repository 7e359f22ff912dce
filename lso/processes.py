"""Seeds in processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from lso.plan import Plan
from lso.record import Rows
from lso.worker import Lost, Message, Over, work
from lso.workers import Starter, Workers

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Processes:
    """A process for every seed at work, each with a pipe of its own: one that is killed harms no other.

    Args:
        plan: what is run.
        count: processes at once.
    """

    def __init__(self, plan: Plan, count: int) -> None:
        self.count = count
        self._plan = plan
        self._context = multiprocessing.get_context("spawn")  # so that libraries count threads anew
        self._at_work: dict[Connection, tuple[int, BaseProcess]] = {}

    def start(self, seed: int, earlier: Rows) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(self._plan, seed, earlier, sender), daemon=True)
        process.start()
        sender.close()  # the process has its own: the pipe ends with it
        self._at_work[receiver] = seed, process

    def next(self) -> Message:
        receiver = self._ready(None)[0]
        seed, process = self._at_work[receiver]
        message = _received(receiver)
        if message is None or isinstance(message, Over):
            del self._at_work[receiver]
            process.join()
        return message or Lost(seed, f"its process died (exit code {process.exitcode})")

    def rest(self) -> Iterator[Message]:
        while ready := self._ready(0.2):
            for receiver in ready:
                message = _received(receiver)
                if message is None:
                    del self._at_work[receiver]
                else:
                    yield message

    def end(self) -> None:
        """Those at work."""
        for _, process in self._at_work.values():
            process.terminate()

    def _ready(self, seconds: float | None) -> list[Connection]:
        """Pipes with a message, or with an end."""
        found = wait(list(self._at_work), timeout=seconds)
        return [receiver for receiver in self._at_work if receiver in found]


def processes(count: int) -> Starter:
    """Workers on `count` cores of this machine."""
    return partial(_processes, count)


@contextmanager
def _processes(count: int, plan: Plan) -> Iterator[Workers]:
    workers = Processes(plan, count)
    with _one_thread():
        try:
            yield workers
        finally:
            workers.end()


def _work(plan: Plan, seed: int, earlier: Rows, sender: Connection) -> None:
    """The body of a process. Ctrl-C is for the parent, which then ends this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(plan, seed, earlier, sender.send)


def _received(receiver: Connection) -> Message | None:
    """The next message; None where the process has ended, maybe in the middle of one."""
    try:
        message: Message = receiver.recv()
    except (EOFError, OSError):
        return None
    return message


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
