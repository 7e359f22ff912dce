"""What training took, where it was written down."""

from __future__ import annotations

from pipelines.metrics.subject import Measured, NotMeasurable, Subject

_NAMES = ("seconds_per_epoch", "peak_memory")


def measure(subject: Subject) -> Measured:
    """`seconds_per_epoch` and `peak_memory`, as `subject.facts` has them."""
    values = {name: float(subject.facts[name]) for name in _NAMES if name in subject.facts}
    missing = {name: "training left no record of it" for name in _NAMES if name not in values}
    if not values:
        raise NotMeasurable("training left no record of it")
    return Measured(values, {}, missing)
