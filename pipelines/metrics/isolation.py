"""Measuring a method in the middle of its training without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def isolated(module: nn.Module, seed: int) -> Iterator[None]:
    """Evaluation mode, no gradients, and random numbers from `seed`; modes and random states are restored after.

    The random states are those of the CPU and of the module's device; other devices are not touched.
    """
    device = next(module.parameters()).device
    modes = [(part, part.training) for part in module.modules()]
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.no_grad():
        _seed(seed, device)
        module.eval()
        try:
            yield
        finally:
            for part, training in modes:
                part.training = training


def _seed(seed: int, device: torch.device) -> None:
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
