"""Where a hyperparameter may be searched, declared on the line that declares the hyperparameter.

    def __init__(self, domain, latent, *, beta: Annotated[float, Real(0.1, 10, log=True)] = 1.0): ...

`declared(function)` reads the ranges back, so that studies, command lines, the search space of Ray Tune,
documentation and validation all come from the signature.
"""

from __future__ import annotations

import functools
import inspect
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from methods.core.errors import BadInput, unknown


@dataclass(frozen=True)
class Real:
    """A real number searched in [low, high], uniformly in its logarithm if `log`.

    `least` and `most` widen what is *valid* beyond what is worth *searching*: a weight of zero, say.
    """

    low: float
    high: float
    log: bool = False
    least: float | None = None
    most: float | None = None

    def check(self, name: str, value: object) -> float:
        if not _is_finite(value):
            raise BadInput(f"{name} must be a finite number, got {value!r}")
        _check_between(name, value, self)
        return float(value)


@dataclass(frozen=True)
class Integer:
    """A whole number searched in [low, high], both included; `least` and `most` as for `Real`."""

    low: int
    high: int
    log: bool = False
    least: int | None = None
    most: int | None = None

    def check(self, name: str, value: object) -> int:
        if not _is_finite(value) or value != int(value):
            raise BadInput(f"{name} must be a whole number, got {value!r}")
        _check_between(name, value, self)
        return int(value)


@dataclass(frozen=True, init=False)
class OneOf:
    """One of a few named choices."""

    choices: tuple[str | int | float | bool, ...]

    def __init__(self, *choices: str | int | float | bool) -> None:
        object.__setattr__(self, "choices", choices)

    def check(self, name: str, value: object) -> str | int | float | bool:
        for choice in self.choices:
            if type(choice) is type(value) and choice == value:
                return choice
        if isinstance(value, str) and all(isinstance(choice, str) for choice in self.choices):
            raise unknown(name, value, map(str, self.choices))
        raise BadInput(f"{name} must be one of {', '.join(map(repr, self.choices))}, got {value!r}")


Range = Real | Integer | OneOf


def words(span: Range) -> str:
    """The searched range as people read it.

    >>> words(Real(0.1, 10, log=True))
    '0.1 … 10 (log)'
    """
    if isinstance(span, OneOf):
        return " | ".join(map(str, span.choices))
    return f"{span.low:g} … {span.high:g}{' (log)' if span.log else ''}"


@dataclass(frozen=True)
class Hyperparameter:
    """A declared hyperparameter: its default and its range."""

    default: Any
    range: Range


def declared(function: Callable[..., Any]) -> dict[str, Hyperparameter]:
    """The keyword parameters of `function` that declare a range, in the order of the signature."""
    return dict(_declared(function))


@functools.lru_cache(maxsize=256)  # type hints are slow to resolve, and studies ask for them again and again
def _declared(function: Callable[..., Any]) -> dict[str, Hyperparameter]:
    hints = typing.get_type_hints(function, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        for note in getattr(hints.get(name), "__metadata__", ()):
            if isinstance(note, Real | Integer | OneOf):
                found[name] = Hyperparameter(parameter.default, note)
    return found


def resolved(owner: str, function: Callable[..., Any], given: Mapping[str, object]) -> dict[str, Any]:
    """Every declared hyperparameter of `function`: the given value, checked, or the default.

    Raises:
        BadInput: a name that `function` does not declare, or a value outside its range.
    """
    known = declared(function)
    for name in given:
        if name not in known:
            raise unknown(f"hyperparameter of {owner}", name, known)
    return {name: entry.range.check(f"{owner}.{name}", given.get(name, entry.default)) for name, entry in known.items()}


def _is_finite(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def _check_between(name: str, value: float, span: Real | Integer) -> None:
    low = span.low if span.least is None else span.least
    high = span.high if span.most is None else span.most
    if not low <= value <= high:
        raise BadInput(f"{name} must be between {low} and {high}, got {value}")
