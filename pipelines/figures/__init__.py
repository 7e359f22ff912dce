"""What people look at: one figure a file, and the directory is the registry.

A figure has `draw(...) -> Figure`, a pure function of data, and `of(subject) -> Figure`, which draws it of a trained
method and raises `BadInput` with the reason where it does not apply. `rate_plane` is drawn of a sweep and has `draw`
alone.

>>> from pipelines import figures
>>> "traversals" in figures.names()
True
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import NamedTuple

from matplotlib.figure import Figure

from methods.core.errors import BadInput, unknown
from pipelines.figures.subject import Subject
from pipelines.metrics.isolation import isolated

_NOT_OF_A_METHOD = {"__main__", "look", "rate_plane", "saved", "sheet", "subject"}


class Drawn(NamedTuple):
    """Figures by name, and of those that do not apply the reason, in a sentence."""

    figures: dict[str, Figure]
    skipped: dict[str, str]


def names() -> list[str]:
    """Every figure of a trained method, by the name of its file."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NOT_OF_A_METHOD)


def draw(name: str, subject: Subject, *, seed: int = 0) -> Figure:
    """One figure. The same subject and seed give the same picture, whatever else was drawn.

    The method's modes and torch's random state are left as they were.

    Raises:
        BadInput: an unknown name (the message names the nearest), or a figure that does not apply.
    """
    if name not in names():
        raise unknown("figure", name, names())
    module = importlib.import_module(f"pipelines.figures.{name}")
    with isolated(subject.method, seed):
        return module.of(subject)


def draw_all(subject: Subject, *, only: Iterable[str] | None = None, seed: int = 0) -> Drawn:
    """All figures that apply, or those of `only` that do.

    Raises:
        BadInput: an unknown name.
    """
    drawn = Drawn({}, {})
    wanted = names() if only is None else list(only)
    for name in wanted:
        if name not in names():
            raise unknown("figure", name, names())
    for name in wanted:
        try:
            drawn.figures[name] = draw(name, subject, seed=seed)
        except BadInput as error:
            drawn.skipped[name] = str(error)
    return drawn
