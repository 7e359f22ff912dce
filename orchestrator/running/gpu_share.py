"""A trial's share of a GPU: memory that it cannot exceed, so that it fails alone and not its neighbors."""

from __future__ import annotations

import torch


def hold(share: float) -> None:
    """Let this process take no more than this part of its GPU's memory; a whole GPU, or none, has no limit."""
    if 0 < share < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(share)


def told(error: Exception, share: float) -> str | None:
    """In a sentence, that a GPU's memory did not suffice; None for another error."""
    if not isinstance(error, torch.OutOfMemoryError):
        return None
    had = f"the {share:g} of a GPU that it has" if share < 1 else "its GPU"
    return f"the trial needs more memory than {had}: raise resources.gpu, or lower batch_size or the network"
