"""Every optimizer: one a file, and the directory is the registry.

A file has one function `optimize(search)` that proposes strings to `search.score` in iterations of `search.rounds()`.
It keeps no state on disk: a run that is resumed is run again, with scores from its record.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from lso.search import Search, Spent
from methods.core.errors import unknown

Optimizer = Callable[[Search], None]

DEFAULT = "portfolio"
"""The best on expressions of several targets (docs/results/lso.md); for molecules that is `hybrid`."""


def names() -> list[str]:
    """Every optimizer, by the name of its file."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name: str) -> Optimizer:
    """The optimizer of this name.

    Raises:
        BadInput: there is none; the message names the nearest.
    """
    if name not in names():
        raise unknown("optimizer", name, names())
    return importlib.import_module(f"lso.optimizers.{name}").optimize


def run(name: str, search: Search) -> None:
    """Run an optimizer until its search is over."""
    try:
        get(name)(search)
    except Spent:
        return
