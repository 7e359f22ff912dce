"""Where seeds run at once: what a campaign asks of the processes of this machine, and of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from lso.plan import Plan
from lso.record import Rows
from lso.worker import Message


class Workers(Protocol):
    """Places where seeds run, each of which tells what `lso.worker.work` tells."""

    @property
    def count(self) -> int:
        """How many seeds run at once."""

    def start(self, seed: int, earlier: Rows) -> None:
        """Run a seed, with the rows that it has in the record."""

    def next(self) -> Message:
        """The next message of any seed, in the order of each; `Lost` for a seed whose place died.

        Raises:
            KeyboardInterrupt: somebody wants to stop.
            BadInput: no seed can go on.
        """

    def rest(self) -> Iterator[Message]:
        """What was told and not yet asked for, without waiting for more."""


Starter = Callable[[Plan], AbstractContextManager[Workers]]
"""Workers for a plan; those that are still at work when the block ends are ended."""
