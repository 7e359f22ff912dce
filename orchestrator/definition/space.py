"""The space that a method is searched in: a range for each setting."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from methods.core.errors import BadInput, unknown
from methods.core.ranges import Integer, OneOf, Range, Real

Space = dict[str, Range]

_GRID_VALUES = 3  # of a range, at its ends and its middle


def narrowed(name: str, given: Mapping[str, Any] | list[Any], *, declared: Range) -> Range:
    """The range of the setting `name` that a study gives: a list of choices, or `low`, `high` and `log`.

    What is not given is as declared.

    Raises:
        BadInput: values that the setting cannot have, or an empty range.
    """
    if isinstance(given, list):
        if not given:
            raise BadInput(f"space.{name} must list at least one choice")
        return OneOf(*dict.fromkeys(declared.check(f"space.{name}", value) for value in given))
    if isinstance(declared, OneOf):
        raise BadInput(f"space.{name} must be a list of choices out of {list(declared.choices)}, got {dict(given)}")
    for key in given:
        if key not in ("low", "high", "log"):
            raise unknown(f"key of space.{name}", key, ["low", "high", "log"])
    return _between(name, given, declared)


def nearest(span: Range, value: Any) -> Any:
    """The value of the range that is nearest to `value`; the first choice where it is none of the choices."""
    if isinstance(span, OneOf):
        return value if value in span.choices else span.choices[0]
    return min(max(value, span.low), span.high)


def size(space: Space) -> float:
    """How many points there are; infinite where a setting is real."""
    return math.prod(_size(span) for span in space.values())


def grid(space: Space) -> Iterator[dict[str, Any]]:
    """All combinations of all choices, and of the ends and the middle of ranges."""
    values = itertools.product(*(_spread(span) for span in space.values()))
    return (dict(zip(space, point, strict=True)) for point in values)


def distribution(span: Range) -> BaseDistribution:
    """The range as Optuna has it."""
    if isinstance(span, OneOf):
        return CategoricalDistribution(span.choices)
    kind = FloatDistribution if isinstance(span, Real) else IntDistribution
    return kind(span.low, span.high, log=span.log)


def _between(name: str, given: Mapping[str, Any], declared: Real | Integer) -> Range:
    low = declared.check(f"space.{name}.low", given.get("low", declared.low))
    high = declared.check(f"space.{name}.high", given.get("high", declared.high))
    log = given.get("log", declared.log)
    if not isinstance(log, bool):
        raise BadInput(f"space.{name}.log must be true or false, got {log!r}")
    if low > high or (log and low <= 0):
        raise BadInput(f"space.{name} needs low <= high, and low > 0 where log, got low {low}, high {high}")
    return Integer(int(low), int(high), log) if isinstance(declared, Integer) else Real(low, high, log)


def _size(span: Range) -> float:
    if isinstance(span, OneOf):
        return len(span.choices)
    if span.low == span.high:
        return 1
    return math.inf if isinstance(span, Real) else span.high - span.low + 1


def _spread(span: Range) -> list[Any]:
    if isinstance(span, OneOf):
        return list(span.choices)
    spaced = np.geomspace if span.log else np.linspace
    rounded = [float(f"{value:.12g}") for value in spaced(span.low, span.high, _GRID_VALUES)]
    values = [nearest(span, value) for value in rounded]
    return list(dict.fromkeys(values if isinstance(span, Real) else map(round, values)))
