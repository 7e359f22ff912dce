"""Values computed in a process of their own, where a hang or a crash of a library ends nothing."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import weakref
from collections.abc import Sequence
from typing import IO, Any

from methods.core.errors import BadInput

_START = 120.0  # seconds that a process may need for its imports


class Outside:
    """A function of one value to a number, called in another process, which is started at the first call.

    What takes too long, raises or ends that process has no number; the next value gets a new process, if need be.

    Args:
        function: `module:function`; it takes and returns what JSON can write.
        seconds: most time for one value. Let it be long: where a machine has other work, all takes longer.
        first: a value that every new process computes before others, so that what is loaded then counts for none.
    """

    def __init__(self, function: str, *, seconds: float, first: Any = None) -> None:
        self.function, self.seconds, self.first = function, seconds, first
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, values: Sequence[Any]) -> list[float | None]:
        """The function of every value, in their order; None where it has none.

        Raises:
            BadInput: the process cannot be started.
        """
        return [self._one(value) for value in values]

    def close(self) -> None:
        """End the process; the next call starts another."""
        if self._process is not None:
            _end(self._process)
        self._process = None

    def _one(self, value: Any) -> float | None:
        process = self._running()
        try:
            _write(process, value)
            return float(json.loads(_read(process, self.seconds)))
        except TypeError:  # null: it raised
            return None
        except OSError:  # it hangs, or it ended
            self.close()
            return None
        except BaseException:  # such as Ctrl-C: its answer must not be taken for that of another value
            self.close()
            raise

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            command = [sys.executable, "-m", "lso.outside_process", self.function]
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment)
            weakref.finalize(self, _end, process)
            try:
                _read(process, _START)
                _write(process, self.first)
                _read(process, _START)
            except OSError as error:
                _end(process)
                raise BadInput(f"the process for {self.function} does not start: {error}") from error
            self._process = process
        return self._process


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # what was not yet written
                continue


def _write(process: subprocess.Popen[bytes], value: Any) -> None:
    stream = _stream(process.stdin)
    stream.write(json.dumps(value).encode() + b"\n")
    stream.flush()


def _read(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The next line."""
    stream = _stream(process.stdout)
    if not select.select([stream], [], [], seconds)[0]:
        raise TimeoutError(f"no answer in {seconds:g} s")
    line = stream.readline()
    if not line:
        raise ConnectionError("it ended")
    return line


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ConnectionError("it has no pipes")
    return stream
