"""MLflow kept in line with the records, from a thread that no trial waits for."""

from __future__ import annotations

import logging
import os
import threading
import time

from orchestrator.connection import reason
from orchestrator.tracking import StudyTracking

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.5  # between rounds, so that several reports of a trial go in one call
_RETRY_SECONDS = (2.0, 60.0)


class Mirror:
    """Writes the records of changed trials to MLflow, again and again until it succeeds.

    It never raises into the sweep. While the server is away nothing is lost, since the records are on disk: they are
    written once it is back, or at the next start of the study.

    Args:
        tracking: the study's runs.
    """

    def __init__(self, tracking: StudyTracking) -> None:
        self._tracking = tracking
        self._changed: dict[str, None] = {}  # a set that keeps its order
        self._condition = threading.Condition()
        self._closing = False
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)
        self._thread.start()

    def changed(self, identity: str) -> None:
        """Say that a trial's record has something new."""
        with self._condition:
            self._changed[identity] = None
            self._condition.notify()

    def close(self, timeout: float = 60.0) -> list[str]:
        """Write what is left, for `timeout` seconds at most. Returns the trials that could not be written."""
        with self._condition:
            self._closing, self._deadline = True, time.monotonic() + timeout
            self._condition.notify()
        self._thread.join(timeout + 30)
        return list(self._changed)

    def _run(self) -> None:
        _be_nice()
        wait = _RETRY_SECONDS[0]
        while identities := self._take():
            try:
                while identities:
                    self._tracking.sync(identities[0])
                    identities.pop(0)
                wait = _RETRY_SECONDS[0]
            except Exception as error:  # whatever it is, trials must not suffer from it
                with self._condition:
                    self._changed = dict.fromkeys(identities) | self._changed
                    if time.monotonic() + wait > self._deadline:
                        _LOG.warning("MLflow cannot be written (%s)", reason(error))
                        return
                    _LOG.warning("MLflow cannot be written (%s), trying again in %.0f s", reason(error), wait)
                    self._condition.wait(wait)
                wait = min(2 * wait, _RETRY_SECONDS[1])

    def _take(self) -> list[str]:
        """The changed trials, once there are some; none when all is written and the mirror closes."""
        with self._condition:
            while not self._changed and not self._closing:
                self._condition.wait()
            if not self._closing:
                self._condition.wait(_PAUSE_SECONDS)
            taken, self._changed = list(self._changed), {}
            return taken


def _be_nice() -> None:
    """Let trials on this machine go first: on Linux, a thread has a priority of its own."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
