"""What a process takes of a GPU: memory, and time."""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from methods.core.errors import BadInput


class NoGpu(BadInput):
    """Ray counts a GPU where torch sees none."""


class Memory(NamedTuple):
    """The memory of a process, as parts of the card's.

    Attributes:
        peak: the most that it held, all in all.
        context: of this, what it holds beside its tensors: the driver's context, and kernels.
    """

    peak: float
    context: float


class Meter(Protocol):
    """Measures what this process takes of the GPU that it has for itself."""

    def card(self) -> str:
        """The name of the GPU. Raises `NoGpu` where there is none."""

    def begin(self) -> None:
        """Let go what is not used any more, and forget what was held before."""

    def memory(self) -> Memory:
        """Since `begin`."""

    def busy(self, run: Callable[[], object]) -> float:
        """The part of the time of `run` in which the GPU computes. It is run more than once."""


class Cuda:
    """Measures as torch and the driver see a GPU of CUDA or ROCm."""

    def card(self) -> str:
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
        """What torch reserved at most, and beside that what is taken of the card now.

        What processes outside of Ray hold there counts as if this one did: a share may get too large by it, never too
        small.
        """
        free, total = torch.cuda.mem_get_info()
        context = max(0, total - free - torch.cuda.memory_reserved())
        return Memory((torch.cuda.max_memory_reserved() + context) / total, context / total)

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
        events = (event for event in profiled.key_averages() if event.device_type == DeviceType.CUDA)
        computed = sum(event.self_device_time_total for event in events if not event.is_user_annotation)
        return min(1.0, computed / 1e6 / seconds)


CUDA = Cuda()
