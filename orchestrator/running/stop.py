"""Ctrl-C and SIGTERM, taken where a sweep can stop cleanly."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_FIRST = b"\nstopping; Ctrl-C again does not wait for MLflow\n"
_CURSOR = b"\x1b[?25h"  # a live table hides it
_SECOND = b"\nstopped at once\n"


class Stop:
    """Within its block, the first Ctrl-C or SIGTERM is kept for the next `check`; the second one ends the process.

    An exception at any moment, as Python raises it by itself, could break into the middle of what Ray does.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stop:
        self._before = {number: signal.signal(number, self._take) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Stop here, if that was asked for.

        Raises:
            KeyboardInterrupt: it was.
        """
        if self.requested:
            raise KeyboardInterrupt

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            os.write(2, (_CURSOR if os.isatty(2) else b"") + _SECOND)
            os._exit(130)  # Ray's processes and those of trials end with this one
        self.requested = True
        os.write(2, _FIRST)  # a stream might be in the middle of a write
