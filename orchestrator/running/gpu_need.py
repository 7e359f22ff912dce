"""What a branch's trials take of a GPU, found out by training some steps there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from methods.core.errors import BadInput
from orchestrator.records.gpu_shares import Need
from orchestrator.running.gpu_meter import Memory, Meter
from pipelines.datasets.dataset import Arrays, Dataset, from_arrays
from pipelines.metrics.evaluate import evaluate, monitor
from pipelines.train import device
from pipelines.training import TermMeans, Training
from pipelines.trial import Trial
from pipelines.trial import trial as checked

_STEPS = 10
_ROWS = 4096  # of the test split: memory for metrics does not grow beyond


def need(default: Mapping[str, Any], largest: Mapping[str, Any], arrays: Arrays, meter: Meter) -> Need:
    """What trials need whose settings are between these two, on the GPU that this process has for itself.

    The first steps of the first epoch are measured, on all data, with a report. What a method needs only later, such as
    after its warm-up, is not seen here.

    Args:
        default: settings whose time counts.
        largest: settings whose memory counts, where it is more. If it is more than the card has, memory is all of it.
        arrays: the data set, as `to_arrays` gives it.
        meter: of the GPU.

    Raises:
        NoGpu: torch sees none here.
        BadInput: a method that cannot be built with its defaults.
    """
    card, dataset = meter.start(), from_arrays(arrays)
    usual, busy = _usual(checked(default), dataset, meter)
    most = usual if default == largest else _most(checked(largest), dataset, meter)
    return Need(card, min(1.0, max(usual.peak, most.peak)), min(1.0, max(usual.context, most.context)), busy)


def _usual(trial: Trial, dataset: Dataset, meter: Meter) -> tuple[Memory, float]:
    """The memory of a trial, and the part of the time in which the GPU computes."""
    meter.begin()
    training = _begun(trial, dataset)
    memory = meter.memory()
    return memory, meter.busy(lambda: training.steps(TermMeans(), most=_STEPS))


def _most(trial: Trial, dataset: Dataset, meter: Meter) -> Memory:
    meter.begin()
    try:
        _begun(trial, dataset)
    except torch.OutOfMemoryError:
        return Memory(1.0, 0.0)
    except BadInput:  # settings that do not go together at the ends of their ranges
        return Memory(0.0, 0.0)
    return meter.memory()


def _begun(trial: Trial, dataset: Dataset) -> Training:
    """A run after its first steps and a report."""
    training = Training(trial, dataset, device())
    training.begin_epoch()
    training.steps(TermMeans(), most=_STEPS)
    monitor(training.method, training.data.valid)
    evaluate(training.method, training.data.test.head(_ROWS))
    return training
