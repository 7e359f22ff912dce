"""MLflow kept in line with the records, by a process of its own that no trial waits for.

A thread of the sweep would hold up the loop that hands trials their next step; a process at the lowest priority takes
what trials leave.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.5  # between rounds, so that several reports of a trial go in one call
_RETRY_SECONDS = (2.0, 60.0)


class Mirror:
    """Writes the records of changed trials to MLflow, again and again until it succeeds.

    It never raises into the sweep. While the server is away nothing is lost, since the records are on disk: they are
    written once it is back, or at the next start of the study.

    Args:
        folder: of the study's records, bound to a definition; its name is the study's.
        uri: of MLflow, where the study has its run already.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self._changed: set[str] = set()
        # A session of its own: Ctrl-C in a terminal must reach the sweep alone, which closes the mirror.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator.mirror", str(folder), uri],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def changed(self, identity: str) -> None:
        """Say that a trial's record has something new."""
        self._changed.add(identity)
        self._tell(identity)

    def close(self, timeout: float = 60.0) -> list[str]:
        """Write what is left, for `timeout` seconds at most. Returns the trials that may not have been written."""
        self._tell(f"close {timeout}")
        try:
            answer, _ = self._process.communicate(timeout=timeout + 30)
            return list(json.loads(answer))
        except (subprocess.TimeoutExpired, ValueError, OSError):  # it hangs, or it died
            self._process.kill()
            return sorted(self._changed)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except OSError:  # it died; `close` will say so
            return


class _Changes:
    """Identities that wait to be written, read from a stream until it ends or says `close`."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}  # a set that keeps its order
        self._condition = threading.Condition()
        self.closing = False
        self.deadline = float("inf")

    def listen(self) -> None:
        """Read standard input. Its end means that the sweep is gone, and what is left has a minute."""
        for line in sys.stdin:
            word, _, timeout = line.strip().partition(" ")
            with self._condition:
                if word == "close":
                    self._close(float(timeout))
                else:
                    self._waiting[word] = None
                self._condition.notify()
        with self._condition:
            self._close(60.0)
            self._condition.notify()

    def take(self) -> list[str]:
        """What has changed, once something has; nothing when all is written and the stream is closed."""
        with self._condition:
            while not self._waiting and not self.closing:
                self._condition.wait()
            if not self.closing:
                self._condition.wait(_PAUSE_SECONDS)
            taken, self._waiting = list(self._waiting), {}
            return taken

    def put_back(self, identities: list[str], wait: float) -> bool:
        """Keep what could not be written, and wait. Returns whether there is time for another attempt."""
        with self._condition:
            self._waiting = dict.fromkeys(identities) | self._waiting
            if time.monotonic() + wait > self.deadline:
                return False
            self._condition.wait(wait)
            return True

    def left(self) -> list[str]:
        with self._condition:
            return list(self._waiting)

    def _close(self, timeout: float) -> None:
        if not self.closing:
            self.closing, self.deadline = True, time.monotonic() + timeout


def main() -> None:
    """The process: `python -m orchestrator.mirror FOLDER URI`, identities on standard input."""
    if hasattr(os, "nice"):
        os.nice(19)
    # Imported here, since the sweep imports this module for the class above alone.
    from orchestrator.connection import reason
    from orchestrator.tracking import open_tracking

    changes = _Changes()
    threading.Thread(target=changes.listen, name="listen", daemon=True).start()
    tracking, wait = None, _RETRY_SECONDS[0]
    while identities := changes.take():
        try:
            tracking = tracking or open_tracking(Path(sys.argv[1]), sys.argv[2])
            while identities:
                tracking.sync(identities[0])
                identities.pop(0)
            wait = _RETRY_SECONDS[0]
        except Exception as error:  # whatever it is, trials must not suffer from it
            _LOG.warning("MLflow cannot be written (%s), trying again in %.0f s", reason(error), wait)
            if not changes.put_back(identities, wait):
                break
            wait = min(2 * wait, _RETRY_SECONDS[1])
    sys.stdout.write(json.dumps(changes.left()))


if __name__ == "__main__":
    main()
