"""Settings that were otherwise in earlier epochs of a run: as text, and what of it is possible.

`5:beta=1.0,learning_rate=0.01 10:beta=2.0` says that in the first 5 epochs beta was 1.0 and the learning rate 0.01, and
in the 5 epochs after these beta was 2.0. Everything else, and everything from then on, is as the trial's own settings
say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from methods.core.errors import BadInput, unknown
from methods.core.ranges import Integer, OneOf, Range
from pipelines.changeable import carries_over

if TYPE_CHECKING:
    from pipelines.trial import Trial


@dataclass(frozen=True)
class Stage:
    """Some epochs in succession.

    Attributes:
        end: how many epochs are over after it.
        settings: those that differ from the trial's own.
    """

    end: int
    settings: Mapping[str, Any]


def parse(text: str, ranges: Mapping[str, Range]) -> tuple[Stage, ...]:
    """The stages that a text names, in their order.

    Args:
        text: see above.
        ranges: of all settings that there are.

    Raises:
        BadInput: no such text, an unknown setting, or a value out of its range.
    """
    return tuple(_stage(part, ranges) for part in text.split())


def written(stages: Iterable[Stage]) -> str:
    """The inverse of `parse`.

    >>> written([Stage(5, {"beta": 1.0, "batch_size": 32}), Stage(10, {"beta": 2.0})])
    '5:batch_size=32,beta=1.0 10:beta=2.0'
    """
    return " ".join(f"{stage.end}:{_pairs(stage.settings)}" for stage in stages)


def reduced(stages: Iterable[Stage], own: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The same in the shortest form: without settings that are the trial's `own`, and stages that change nothing."""
    found: list[Stage] = []
    for stage in stages:
        other = {name: value for name, value in stage.settings.items() if value != own[name]}
        if found and found[-1].settings == other:
            found.pop()
        found.append(Stage(stage.end, other))
    if found and not found[-1].settings:
        found.pop()
    return tuple(found)


def check(trial: Trial) -> None:
    """Whether a trial can have gone as its `earlier` says.

    Raises:
        BadInput: it cannot.
    """
    if not trial.earlier:
        return
    ends = [0, *(stage.end for stage in trial.stages), trial.epochs]
    if not all(before < after for before, after in pairwise(ends)):
        raise BadInput(f"earlier must name epochs in ascending order between 0 and epochs={trial.epochs}, got {ends}")
    if trial.schedule != "constant" or trial.patience > 0:
        raise BadInput("earlier goes with schedule=constant and patience=0 alone: leave it out, or the other two")
    for before, after in pairwise(trial.at(end) for end in ends[:-1]):
        _check_change(before, after)


def _check_change(before: Trial, after: Trial) -> None:
    if carries_over(before, after):
        return
    own, other = before.settings(), after.settings()
    names = [name for name in own if own[name] != other[name]]
    wrong = [name for name in names if not carries_over(before, before.altered({name: other[name]}))] or names
    raise BadInput(
        f"earlier: {', '.join(wrong)} of {before.method} cannot change during training, since what is built at its "
        "start depends on it: leave it out"
    )


def _stage(text: str, ranges: Mapping[str, Range]) -> Stage:
    end, colon, pairs = text.partition(":")
    if not colon or not end.isdecimal():
        raise BadInput(f"earlier must be like '5:beta=1.0,learning_rate=0.01 10:beta=2.0', got {text!r}")
    return Stage(int(end), dict(_pair(pair, ranges) for pair in pairs.split(",") if pair))


def _pair(text: str, ranges: Mapping[str, Range]) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    if name not in ranges:
        raise unknown("setting in earlier", name, ranges)
    return name, ranges[name].check(f"earlier: {name}", _value(value, ranges[name]))


def _value(text: str, span: Range) -> object:
    if isinstance(span, OneOf):
        return next((choice for choice in span.choices if str(choice) == text), text)
    try:
        return int(text) if isinstance(span, Integer) else float(text)
    except ValueError:
        return text


def _pairs(settings: Mapping[str, Any]) -> str:
    return ",".join(f"{name}={settings[name]}" for name in sorted(settings))
