"""MLflow kept in line with the records, by a process of its own that no trial waits for.

A thread of the sweep would hold up the loop that hands trials their next step; a process at the lowest priority takes
what trials leave.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from filelock import FileLock

from orchestrator.records.connection import reason
from orchestrator.records.ledger import RUNNING, Ledger
from orchestrator.records.tracking import StudyTracking, open_tracking

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 5.0  # between rounds
_TOGETHER_SECONDS = 30.0  # for which the reports of a running trial are gathered, to go in one call
_RETRY_SECONDS = (2.0, 60.0)
_GRACE_SECONDS = 5.0  # for a call that has begun
_CALL_SECONDS = 120.0  # for an answer: a call that is given up may still be carried out
_AUTOGROUP = Path("/proc/self/autogroup")
_LAST_SECONDS = 60.0  # for what is left when the sweep is gone


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
            [sys.executable, "-m", "orchestrator.records.mirror", str(folder), uri],
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
        """Write what is left, for `timeout` seconds at most. Returns the trials that may not have been written.

        On a busy machine that may be too short. Then the process goes on alone, for a minute, and closes the study's
        runs.
        """
        self._tell(f"close {timeout}")
        try:
            answer, _ = self._process.communicate(timeout=timeout + _GRACE_SECONDS)
            return list(json.loads(answer.splitlines()[-1]))  # libraries may have printed something before
        except (subprocess.TimeoutExpired, ValueError, IndexError, OSError):  # it is late, or it died
            assert self._process.stdout is not None
            self._process.stdout.close()
            return sorted(self._changed)

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()
        except OSError:  # it died; `close` will say so
            return


class _Changes:
    """Identities that wait to be written, read from a stream until it ends or says `close`.

    Args:
        hurry: called when no trial runs any more, with the seconds that are left.
    """

    def __init__(self, hurry: Callable[[float], None] = lambda seconds: None) -> None:
        self._hurry = hurry
        self._waiting: dict[str, None] = {}  # a set that keeps its order
        self._condition = threading.Condition()
        self._deadline: float | None = None
        self.orphaned = False

    def listen(self, stream: Iterable[str]) -> None:
        """Read `stream`. If it ends without `close`, the sweep is gone, and what is left has a minute."""
        for line in stream:
            word, _, timeout = line.strip().partition(" ")
            with self._condition:
                if word == "close":
                    self._hurry(float(timeout))
                    self._deadline = time.monotonic() + float(timeout)
                else:
                    self._waiting[word] = None
                self._condition.notify()
        with self._condition:
            self.orphaned = self._deadline is None
            if self.orphaned:
                self._hurry(_LAST_SECONDS)
            self._deadline = self._deadline or time.monotonic() + _LAST_SECONDS
            self._condition.notify()

    def take(self) -> list[str]:
        """What has changed, once something has; nothing when all is written and the stream is closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self.closing)
            self._condition.wait_for(lambda: self.closing, _PAUSE_SECONDS)
            taken, self._waiting = list(self._waiting), {}
            return taken

    def put_back(self, identities: list[str], wait: float) -> bool:
        """Keep what could not be written, and wait. Returns whether there is time for another attempt."""
        with self._condition:
            self._waiting = dict.fromkeys(identities) | self._waiting
            self._condition.wait_for(lambda: self.closing, wait)
            return self._deadline is None or time.monotonic() + _RETRY_SECONDS[0] < self._deadline

    def keep(self, identities: Iterable[str]) -> None:
        """Keep what need not be written yet, for another round."""
        with self._condition:
            self._waiting = dict.fromkeys(identities) | self._waiting

    @property
    def left(self) -> list[str]:
        with self._condition:
            return list(self._waiting)

    @property
    def closing(self) -> bool:
        """Whether nothing more will come."""
        return self._deadline is not None


class _Writer:
    """Writes changes to MLflow, from the first failure on less and less often."""

    def __init__(self, folder: Path, uri: str, changes: _Changes) -> None:
        self._folder, self._uri, self._changes = folder, uri, changes
        self._tracking: StudyTracking | None = None
        self._written: dict[str, float] = {}  # when; by identity
        self._wait = 0.0

    def run(self) -> None:
        while taken := self._changes.take():
            if not self._write(self._due(taken)):
                return
        if self._changes.orphaned:
            self.interrupt()

    def interrupt(self) -> None:
        """Close the runs of a study whose sweep is gone."""
        with contextlib.suppress(Exception):  # the next start tries again
            self.tracking.interrupt()

    @property
    def tracking(self) -> StudyTracking:
        self._tracking = self._tracking or open_tracking(self._folder, self._uri)
        return self._tracking

    def _due(self, taken: list[str]) -> list[str]:
        """Those of the changed trials that are worth a call now; the others are kept for another round."""
        early = {identity for identity in taken if self._may_wait(identity)}
        self._changes.keep(early)
        return [identity for identity in taken if identity not in early]

    def _may_wait(self, identity: str) -> bool:
        """Whether a trial was written just now and goes on, so that more reports are to come."""
        last = self._written.get(identity)
        if self._changes.closing or last is None or time.monotonic() - last > _TOGETHER_SECONDS:
            return False
        record = Ledger(self._folder).read(identity)
        return record is not None and record.status == RUNNING

    def _write(self, identities: list[str]) -> bool:
        """Write these. Returns whether there is time for more."""
        try:
            while identities:
                self.tracking.sync(identities[0])
                self._written[identities.pop(0)] = time.monotonic()
                self._back()
        except Exception as error:  # whatever it is, trials must not suffer from it
            self._away(error)
            return self._changes.put_back(identities, self._wait)
        return True

    def _away(self, error: Exception) -> None:
        least, most = _RETRY_SECONDS
        if self._wait < most:  # later ones say nothing new
            self._wait = min(max(least, 2 * self._wait), most)
            _LOG.warning("MLflow cannot be written (%s), trying again in %.0f s", reason(error), self._wait)

    def _back(self) -> None:
        if self._wait:
            _LOG.warning("MLflow can be written again")
        self._wait = 0.0


def main() -> None:
    """The process: `python -m orchestrator.records.mirror FOLDER URI`, identities on standard input."""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    _lowest_priority()
    _call_once()
    folder, changes = Path(sys.argv[1]), _Changes(lambda seconds: _last(seconds, usual))
    writer = _Writer(folder, sys.argv[2], changes)
    threading.Thread(target=changes.listen, args=[sys.stdin], name="listen", daemon=True).start()
    # The mirror of a sweep that was killed may still be at it, and two would write each run twice.
    with FileLock(folder / ".mirror.lock"):
        writer.run()
        if not _answer(changes.left):
            writer.interrupt()


def _answer(left: list[str]) -> bool:
    """Tell the sweep what was not written. Returns whether it still listens."""
    try:
        sys.stdout.write(f"\n{json.dumps(left)}\n")
        sys.stdout.flush()
    except OSError:
        # Python would try to write what is left once more when it ends, and call that an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _last(seconds: float, usual: int) -> None:
    """No trial runs any more: give way to nobody, and end for good when it has taken too long."""
    signal.alarm(int(seconds + _GRACE_SECONDS + _LAST_SECONDS))
    _priority_again(usual)


def _call_once() -> None:
    """Wait for answers, and leave repeats to `_Writer`: MLflow itself sends a call again that was not answered in time,
    and a run might be created by both."""
    given = os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT", "0")
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = f"{max(float(given), _CALL_SECONDS):.0f}"
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"


def _lowest_priority() -> None:
    if hasattr(os, "nice"):
        os.nice(19)
    # Linux may share processors among sessions first; within a session of its own, niceness says nothing to others.
    with contextlib.suppress(OSError):
        _AUTOGROUP.write_text("19")


def _priority_again(usual: int) -> None:
    """Priority as at the start, now that trials do not suffer from it: on a busy machine the end would take minutes."""
    with contextlib.suppress(OSError):
        _AUTOGROUP.write_text("0")
    with contextlib.suppress(OSError):  # for root alone
        os.setpriority(os.PRIO_PROCESS, os.getpid(), usual)  # of the thread that writes


if __name__ == "__main__":
    main()
