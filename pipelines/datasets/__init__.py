"""Data sets: one a file, and the directory is the registry.

Each module has a docstring (what the data are, their source and licence) and `load() -> Dataset`. Splits are constants
of the data set: no seed of a run changes them. `name@0.1` is the data set with a tenth of its training rows.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from methods.core.errors import unknown
from pipelines.datasets import shares
from pipelines.datasets.dataset import Dataset

_NOT_DATA = {"dataset", "download", "idx", "shares", "soundness", "splits", "transfer"}


def names() -> list[str]:
    """Every data set, by the name of its file."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NOT_DATA)


def load(name: str) -> Dataset:
    """The data set that `pipelines/datasets/<name>.py` describes. Downloads it where it is not on this machine yet.

    Raises:
        BadInput: an unknown name (the message names the nearest), or data that cannot be had or are corrupt.
    """
    whole, fraction = shares.parted(name)
    if whole not in names():
        raise unknown("data set", whole, names())
    found = importlib.import_module(f"pipelines.datasets.{whole}").load()
    return found if fraction == 1 else shares.share(found, fraction)


@functools.lru_cache(maxsize=1)
def load_once(name: str) -> Dataset:
    """`load`, keeping the latest data set in memory, for processes that train many times on one data set."""
    return load(name)
