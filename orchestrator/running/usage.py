"""What a trial takes of its machine."""

from __future__ import annotations

import functools

import psutil
import torch

_MIB = 2**20


def usage() -> dict[str, float]:
    """Resident memory (MiB) and CPU (percent of one core since the last call) of this process, and its GPU memory.

    Only this process is measured: others that share the GPU or the machine do not count.
    """
    process = _process()
    found = {
        "system/memory_mib": process.memory_info().rss / _MIB,
        "system/cpu_percent": process.cpu_percent(),
    }
    if torch.cuda.is_available():
        found["system/gpu_memory_mib"] = torch.cuda.max_memory_allocated() / _MIB
    return found


@functools.cache
def _process() -> psutil.Process:
    # Kept, since the CPU is measured from one call to the next.
    return psutil.Process()
