"""The configuration of a branch that needs the most memory, as far as its settings say so."""

from __future__ import annotations

from typing import Any

from methods.core.ranges import OneOf, Range, Real
from orchestrator.definition import scale
from orchestrator.definition.study import Study


def largest(study: Study, branch: str) -> dict[str, Any]:
    """The searched settings of a branch, with all that count something at the end of their range.

    These are whole numbers such as `latent`, `batch_size` or `clusters`. Times in epochs, real numbers and names do not
    make a trial larger: they have their defaults.
    """
    found = {name: _most(span) for name, span in study.ranges(branch).items() if not scale.in_epochs(name)}
    return study.defaults(branch) | {name: most for name, most in found.items() if most is not None}


def _most(span: Range) -> int | None:
    """The largest whole number of a range; None where it has none."""
    if isinstance(span, Real):
        return None
    if isinstance(span, OneOf):
        counts = [choice for choice in span.choices if isinstance(choice, int) and not isinstance(choice, bool)]
        return max(counts, default=None)
    return span.high
