"""The other side of `lso.outside`: answers lines of standard input. It imports next to nothing, to start at once.

python -m lso.outside_process module:function
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any


def serve(function: Callable[[Any], float]) -> None:
    """Answer every value, one a line, by the function of it, or by `null` where that raises; both as JSON."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other process, which then ends this one
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that whatever else a library prints is no answer
    answers.write(b"ready\n")
    answers.flush()
    for line in sys.stdin.buffer:
        try:
            found = json.dumps(float(function(json.loads(line))))
        except Exception:
            found = "null"
        answers.write(found.encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    serve(getattr(importlib.import_module(module), name))
