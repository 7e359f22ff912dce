"""What a process takes of a GPU: memory, and time."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch.profiler import ProfilerActivity, profile

from methods.core.errors import BadInput


class NoGpu(BadInput):
    """Ray counts a GPU where torch sees none."""


class Memory(NamedTuple):
    """The memory of a process.

    Attributes:
        peak: the most that it held, all in all, as a part of what others leave of the card.
        context: of this, what it holds beside its tensors (the driver's context, and kernels), as a part of the card.
    """

    peak: float
    context: float


class Meter(Protocol):
    """Measures what this process takes of the GPU that it has for itself."""

    def start(self) -> str:
        """The name of the GPU; called before anything is on it. Raises `NoGpu` where there is none."""

    def begin(self) -> None:
        """Let go what is not used any more, and forget what was held before."""

    def memory(self) -> Memory:
        """Since `begin`."""

    def busy(self, run: Callable[[], object]) -> float:
        """The part of the time of `run` in which the GPU computes. It is run more than once."""


class Cuda:
    """Measures as torch and the driver see a GPU of CUDA or ROCm."""

    def __init__(self) -> None:
        self._others = 0  # bytes

    def start(self) -> str:
        self._others = taken()
        if not torch.cuda.is_available():
            raise NoGpu(
                f"Ray counts a GPU on {platform.node()}, but torch sees none there: check the driver and torch's build "
                "(python -m orchestrator.doctor), or train on CPUs with --set resources.gpu=0"
            )
        return torch.cuda.get_device_name()

    def begin(self) -> None:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()

    def memory(self) -> Memory:
        """What torch reserved at most, and beside that what is taken of the card now and was not before."""
        free, total = torch.cuda.mem_get_info()
        context = max(0, total - free - torch.cuda.memory_reserved() - self._others)
        peak = torch.cuda.max_memory_reserved() + context
        return Memory(peak / max(total - self._others, 1), context / total)

    def busy(self, run: Callable[[], object]) -> float:
        """The time of all kernels and copies, over the time that the same takes without the profiler."""
        run()
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        seconds = time.perf_counter() - start
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            run()
            torch.cuda.synchronize()
        events = (event for event in profiled.key_averages() if event.device_type.name == "CUDA")
        computed = sum(event.self_device_time_total for event in events if not event.is_user_annotation)
        if not computed:
            raise RuntimeError("torch's profiler saw no kernel on the GPU")
        return min(1.0, computed / 1e6 / seconds)


CUDA = Cuda()


def taken() -> int:
    """Bytes that all processes together hold of this one's card, such as the sweep itself or a desktop.

    Of a card that NVIDIA's driver does not tell of, 0: what others hold then counts as this process's own, and a share
    may get too large by it, never too small.
    """
    card = os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0]
    command = ["nvidia-smi", f"--id={card}", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        return int(told) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0
