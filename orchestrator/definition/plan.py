"""What a study would run, and about how long it would take on this machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from methods.core.base import Data
from methods.core.errors import BadInput
from methods.core.ranges import Range
from orchestrator.definition.search_seconds import search_seconds
from orchestrator.definition.study import Study
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import evaluate, monitor
from pipelines.train import device
from pipelines.training import Training
from pipelines.trial import Trial

_BATCHES = 20
_SLOW = 0.25  # seconds of a step above which few are timed: there are networks that take many
_BETWEEN_TRIALS = 0.2  # seconds, see benchmarks/


@dataclass(frozen=True)
class BranchPlan:
    """The trials of one branch.

    Attributes:
        branch: its name.
        trials: of the search, and replicates.
        space: what is searched.
        seconds: of one trial that runs to its end; of a population and its replicates, on average.
    """

    branch: str
    trials: int
    space: dict[str, Range]
    seconds: float


def plan(study: Study, data: Mapping[str, Dataset]) -> list[BranchPlan]:
    """Every branch's trials, timed by training its default configuration for a few steps and, where the study has an
    `optimization`, by a search with what that gives.

    The time that `metrics` of the study take is not in it.

    Args:
        study: its definition.
        data: the data sets, under the names that trials have for them.

    Raises:
        BadInput: a method that cannot be built on these data, or that does not have the study's metric.
    """
    with _threads(study):
        return [_of(study, data, branch) for branch in study.branches]


def check(study: Study, data: Mapping[str, Dataset]) -> None:
    """Refuse, before anything starts, what would fail in every trial of a branch. Raises as `plan` does."""
    with _threads(study):
        for branch in study.branches:
            trial = study.trial(branch, {}, seed=0)
            _metrics(study, _few(trial, data[trial.data], 100), data[trial.data])


@contextlib.contextmanager
def _threads(study: Study) -> Iterator[None]:
    """As many threads as a trial has: more of them are slower on small networks, and far slower on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, int(study.resources.cpu)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _of(study: Study, data: Mapping[str, Dataset], branch: str) -> BranchPlan:
    trial = study.trial(branch, {}, seed=0)
    dataset = data[trial.data]
    training, rows, step = _timed(trial, dataset)
    epoch = step * len(dataset.data.train) / rows
    start = time.perf_counter()
    _metrics(study, training, dataset)
    valid, test = len(training.data.valid), len(training.data.test)
    report = (time.perf_counter() - start) * min(2000, len(dataset.data.valid)) / valid
    start = time.perf_counter()
    evaluate(training.method, training.data.test)
    final = (time.perf_counter() - start) * len(dataset.data.test) / test
    reports = trial.epochs / study.reports(trial.epochs)
    searched, replicated = study.searched(branch), study.replicates * study.chosen(study.configurations(branch))
    whole = searched / (study.generations or 1) + replicated  # a member trains its own part alone
    searches = search_seconds(study.optimization, training.method) if study.optimization else 0.0
    training_seconds = (trial.epochs * epoch + reports * report) * whole / (searched + replicated)
    seconds = training_seconds + final + searches + _BETWEEN_TRIALS
    return BranchPlan(branch, searched + replicated, study.ranges(branch), seconds)


def _timed(trial: Trial, dataset: Dataset) -> tuple[Training, int, float]:
    """A few steps: the run, its rows, and the seconds that they take."""
    training = _few(trial, dataset, 2 * trial.batch_size)
    seconds = training.epoch()["seconds"]
    if seconds > 2 * _SLOW:  # or the process was not warm yet
        seconds = training.epoch()["seconds"]
    if seconds > 2 * _SLOW:
        return training, len(training.data.train), seconds
    training = _few(trial, dataset, _BATCHES * trial.batch_size)
    training.epoch()
    return training, len(training.data.train), min(training.epoch()["seconds"] for _ in range(3))


def _metrics(study: Study, training: Training, dataset: Dataset) -> None:
    terms = training.epoch()
    names = set(terms) | {f"valid/{name}" for name in monitor(training.method, training.data.valid)}
    if study.optimization is not None:
        study.optimization.suits(training.trial.likelihood or dataset.likelihood)
        names |= set(study.optimization.metrics)
    for metric in (each.metric for each in study.objectives):
        if metric not in names:
            raise BadInput(
                f"{training.trial.method} on {training.trial.data} has no metric {metric!r}: choose one that all "
                f"methods of the study have; this one has {', '.join(sorted(names - {'seconds'}))}"
            )


def _few(trial: Trial, dataset: Dataset, rows: int) -> Training:
    """A run on the first `rows`, or on more where the method asks for more, such as one for each of its clusters."""
    for count in (rows, 10 * rows):
        try:
            return Training(trial, _head(dataset, count), device())
        except BadInput:
            continue
    return Training(trial, dataset, device())


def _head(dataset: Dataset, rows: int) -> Dataset:
    data = dataset.data
    few = Data(data.train.head(rows), data.valid.head(500), data.test.head(500))
    return Dataset(few, dataset.classes, dataset.likelihood)
