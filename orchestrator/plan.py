"""What a study would run, and about how long it would take on this machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from methods.core.base import Data
from methods.core.errors import BadInput
from methods.core.ranges import Range
from orchestrator.study import Study
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import evaluate, monitor
from pipelines.train import device
from pipelines.training import Training

_BATCHES = 20
_BETWEEN_TRIALS = 0.2  # seconds, see benchmarks/


@dataclass(frozen=True)
class MethodPlan:
    """The trials of one method.

    Attributes:
        method: its name.
        trials: configurations and replicates.
        space: what is searched.
        seconds: of one trial that runs to its end.
    """

    method: str
    trials: int
    space: dict[str, Range]
    seconds: float


def plan(study: Study, dataset: Dataset) -> list[MethodPlan]:
    """Every method's trials, timed by training its default configuration for a few steps.

    Raises:
        BadInput: a method that cannot be built on these data, or that does not have the study's metric.
    """
    with _threads(study):
        return [_of(study, dataset, method) for method in study.method_names]


def check(study: Study, dataset: Dataset) -> None:
    """Refuse, before anything starts, what would fail in every trial of a method. Raises as `plan` does."""
    with _threads(study):
        for method in study.method_names:
            _metrics(study, Training(study.trial(method, {}, seed=0), _head(dataset, 100), device()))


@contextlib.contextmanager
def _threads(study: Study) -> Iterator[None]:
    """As many threads as a trial has: more of them are slower on small networks, and far slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, int(study.resources.cpu)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _of(study: Study, dataset: Dataset, method: str) -> MethodPlan:
    trial = study.trial(method, {}, seed=0)
    few = _head(dataset, _BATCHES * trial.batch_size)
    training = Training(trial, few, device())
    training.epoch()
    epoch = min(training.epoch()["seconds"] for _ in range(3)) * len(dataset.data.train) / len(few.data.train)
    start = time.perf_counter()
    _metrics(study, training)
    report = (time.perf_counter() - start) * min(2000, len(dataset.data.valid)) / len(few.data.valid)
    start = time.perf_counter()
    evaluate(training.method, training.data.test)
    test = (time.perf_counter() - start) * len(dataset.data.test) / len(few.data.test)
    reports = trial.epochs / study.reports(trial.epochs)
    space = study.ranges(method)
    trials = study.configurations(method) + study.seeds
    return MethodPlan(method, trials, space, trial.epochs * epoch + reports * report + test + _BETWEEN_TRIALS)


def _metrics(study: Study, training: Training) -> None:
    terms = training.epoch()
    names = set(terms) | {f"valid/{name}" for name in monitor(training.method, training.data.valid)}
    if study.metric not in names:
        raise BadInput(
            f"{training.trial.method} on {study.data} has no metric {study.metric!r}: choose one that all methods of "
            f"the study have; this one has {', '.join(sorted(names - {'seconds'}))}"
        )


def _head(dataset: Dataset, rows: int) -> Dataset:
    data = dataset.data
    few = Data(data.train.head(rows), data.valid.head(500), data.test.head(500))
    return Dataset(few, dataset.classes, dataset.likelihood)
