"""What a process takes, against what it is known to take."""

from __future__ import annotations

import time

import numpy as np

from orchestrator.running.usage import usage


def test_memory_grows_by_what_is_allocated() -> None:
    before = usage()["system/memory_mib"]
    block = np.ones(2**24)  # 128 MiB, written to
    grown = usage()["system/memory_mib"] - before
    assert 120 < grown < 180, grown
    del block


def test_a_busy_process_uses_more_of_the_cpu_than_one_that_sleeps() -> None:
    usage()
    time.sleep(0.3)
    idle = usage()["system/cpu_percent"]
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    assert usage()["system/cpu_percent"] > idle
