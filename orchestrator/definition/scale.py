"""A study made smaller: fewer epochs, seeds and training rows, for a machine without a GPU.

Times in epochs (`epochs`, `patience`, a method's `warmup_epochs`, …) and the epochs in a schedule shrink together, so
that a method is in the same phase at the same share of its training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def seeds(number: int, scale: float) -> int:
    """Replicates: at least two, as far as there were two, since one has no standard deviation."""
    return max(min(number, 2), round(number * scale))


def epochs(number: int, scale: float) -> int:
    """Epochs: at least one, where it was not none."""
    return max(1, round(number * scale)) if number else 0


def in_epochs(name: str) -> bool:
    """Whether a setting of a trial or of a method counts epochs, or has counts of epochs in it."""
    return name in ("epochs", "patience", "schedule") or name.endswith("_epochs")


def settings(given: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """The settings with all times in epochs times `scale`."""
    return {name: _shrunk(value, scale) if in_epochs(name) else value for name, value in given.items()}


def words(scale: float) -> str:
    """For captions: what a scale did, in a clause; nothing for the full size.

    >>> words(0.25)
    'at scale 0.25 (25% of the epochs, seeds and training rows)'
    """
    return "" if scale == 1 else f"at scale {scale:g} ({100 * scale:g}% of the epochs, seeds and training rows)"


def mark(scale: float) -> str:
    """What stands behind every number of a scaled study.

    >>> mark(0.25)
    ' @25%'
    """
    return "" if scale == 1 else f" @{100 * scale:g}%"


def _shrunk(value: Any, scale: float) -> Any:
    if isinstance(value, str):  # a schedule, such as `step:0.5@150`
        return re.sub(r"@(\d+)", lambda found: f"@{epochs(int(found[1]), scale)}", value)
    return epochs(value, scale) if isinstance(value, int) else value
