"""Data sets: one a file, and the directory is the registry.

Each module has a docstring (what the data are, their source and licence) and `load() -> Dataset`. Splits are constants
of the data set: no seed of a run changes them. `name@0.1` is the data set with a tenth of its training rows, and
`smiles_selfies:file.txt` a file of strings in that language.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil

from methods.core.errors import unknown
from pipelines.datasets import own_strings, shares
from pipelines.datasets.dataset import Dataset

_STRINGS = ("expressions", "nci", "zinc")
_NOT_DATA = {"dataset", "download", "idx", "own_strings", "shares", "soundness", "splits", "transfer"}


def names() -> list[str]:
    """Every data set, by the name of its file."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NOT_DATA)


def load(name: str) -> Dataset:
    """The data set that `pipelines/datasets/<name>.py` describes. Downloads it where it is not on this machine yet.

    Raises:
        BadInput: an unknown name (the message names the nearest), or data that cannot be had or are corrupt.
    """
    check(name)
    whole, fraction = shares.parted(name)
    own = own_strings.is_one(whole)
    found = own_strings.load(whole) if own else importlib.import_module(f"pipelines.datasets.{whole}").load()
    return found if fraction == 1 else shares.share(found, fraction)


def check(name: object) -> None:
    """Make sure that a name is one of a data set, without loading it.

    Raises:
        BadInput: it is not; the message names the nearest.
    """
    whole = shares.parted(name)[0] if isinstance(name, str) else name
    if isinstance(whole, str) and own_strings.is_one(whole):
        own_strings.like(whole)
    elif not isinstance(whole, str) or whole not in names():
        raise unknown("data set", whole, names())


def usual_method(name: str) -> str:
    """What a run trains on these data that names no method: `vae`, or for strings `rae`.

    Strings are nearly as probable under a grammar alone as under any model, so a VAE learns to ignore its codes.
    """
    return "rae" if name.startswith(_STRINGS) or own_strings.is_one(name) else "vae"


@functools.lru_cache(maxsize=1)
def load_once(name: str) -> Dataset:
    """`load`, keeping the latest data set in memory, for processes that train many times on one data set."""
    return load(name)
