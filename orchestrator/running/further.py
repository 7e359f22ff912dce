"""Metrics that a study wants of its replicates beside the usual ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from methods.core.errors import BadInput
from pipelines.metrics.registry import groups_of, measure
from pipelines.metrics.subject import NotMeasurable, Subject
from pipelines.training import Training

_MEASURED = "standard"  # by every trial


def further(
    names: Sequence[str], training: Training, checksum: str, history: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """What is named of the trained method on the test split, with the usual settings of `pipelines.evaluate`.

    A group is measured as a whole. What a method or the data do not have is left out.

    Args:
        names: metrics or groups of them.
        training: that has ended.
        checksum: of the data.
        history: reports of the trial, which have the seconds of epochs.
    """
    subject = Subject(training.method, training.data, checksum=checksum, facts=_facts(history))
    found: dict[str, float] = {}
    for group in groups_of(names):
        if group != _MEASURED:
            found |= _values(subject, group)
    return found


def _values(subject: Subject, group: str) -> dict[str, float]:
    try:
        return measure(subject, group).values
    except (NotMeasurable, BadInput):  # also the weights of Inception, where they are not on this machine
        return {}


def _facts(history: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    seconds = [entry["seconds"] for entry in history if "seconds" in entry]
    return {"seconds_per_epoch": sum(seconds) / len(seconds)} if seconds else {}
