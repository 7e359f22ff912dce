"""Generations of population-based training: when they end, and which studies can have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from methods.core.errors import BadInput
from pipelines.changeable import changeable

if TYPE_CHECKING:
    from orchestrator.definition.study import Study

USUAL = 5
"""Generations of a population of which nothing else is said."""

_CONSTANT = ("epochs", "schedule", "patience")


def ends(epochs: int, generations: int) -> list[int]:
    """The epochs after which generations end: as far apart as can be.

    >>> ends(10, 4)
    [2, 5, 8, 10]
    """
    return [round(epochs * (place + 1) / generations) for place in range(generations)]


def until_report(done: int, every: int, ends: Iterable[int]) -> int:
    """Epochs until the next report: at the next multiple of `every`, or where a generation ends before that.

    >>> until_report(4, 2, [5, 10])
    1
    """
    return min(every - done % every, *(end - done for end in ends if end > done), every)


def check(study: Study) -> None:
    """Whether the study can have the generations that it has.

    Raises:
        BadInput: it cannot.
    """
    if study.search != "pbt":
        if study.generations is not None:
            raise BadInput(f"generations belong to search: pbt, got search: {study.search}; leave them out")
        return
    if len(study.objectives) > 1:
        raise BadInput("search pbt goes by one metric: name one, or set search to nsga2")
    if study.early_stopping is not None:
        raise BadInput("search pbt stops no trial, since weak ones take over from the best: leave early_stopping out")
    if held := [name for name in _CONSTANT if name in study.space]:
        raise BadInput(f"search pbt needs the same {held[0]} in all trials: take it out of space")
    for branch in study.branches:
        _check_branch(study, branch)
    _check_arms(study)


def _check_arms(study: Study) -> None:
    """A member of one arm must not be what another arm ends with: it would count as tried there with fewer epochs."""
    epochs: dict[tuple[str, str], int] = {}
    for name, branch in study.branches.items():
        own = study.ends(name)[-1]
        other = epochs.setdefault((branch.arm.method, branch.data), own)
        if own != other:
            raise BadInput(
                f"search pbt needs the same epochs in all arms of {branch.arm.method}, got {other} and {own}: give "
                "them studies of their own"
            )


def _check_branch(study: Study, branch: str) -> None:
    trial = study.trial(branch, {}, seed=0)
    if trial.schedule != "constant" or trial.patience > 0:
        raise BadInput(
            "search pbt changes learning rates itself and trains to the last epoch: set fixed.schedule to constant and "
            f"fixed.patience to 0, got {trial.schedule} and {trial.patience} for {branch}"
        )
    if trial.epochs < (study.generations or 1):
        raise BadInput(f"{study.generations} generations need as many epochs, got {trial.epochs} for {branch}")
    searched = set(study.ranges(branch))
    if study.searched(branch) and not searched.intersection(changeable(trial)):
        raise BadInput(
            f"search pbt needs a setting of {branch} that can change during training, which {', '.join(searched)} "
            "cannot: add learning_rate to space"
        )
