"""A trial's share of a GPU: memory that it cannot exceed, so that it fails alone and not its neighbors."""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch

EXCEEDED = "gpu_exceeded"
"""Among the facts of a record: the share of a GPU in which the trial ran out of memory, to go on in a larger one."""


def hold(share: float, context: float = 0.0) -> None:
    """Let this process take no more than this part of its GPU's memory; a whole GPU has no limit.

    A process without a share sees no GPU at all, if it has not looked for one before: Ray would leave all visible.

    Args:
        share: of the GPU.
        context: of this, what the process holds beside its tensors, which torch's own limit does not count.
    """
    if share == 0:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif share < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(max(share - context, 0.0))


def told(error: Exception, share: float) -> str | None:
    """In a sentence, that a GPU's memory did not suffice; None for another error."""
    if not isinstance(error, torch.OutOfMemoryError):
        return None
    if share < 1:
        had, remedy = f"the {share:g} of a GPU that it has", "raise resources.gpu, or lower"
    else:
        had, remedy = "its GPU", "lower"
    return f"the trial needs more memory than {had}: {remedy} batch_size or the network"


def exceeded(facts: Mapping[str, str], share: float) -> bool:
    """Whether a trial with these facts in its record has run out of memory in as much of a GPU, or in more."""
    return 0 < share <= float(facts.get(EXCEEDED, 0))
