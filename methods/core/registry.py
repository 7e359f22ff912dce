"""Directories as registries: one class a file."""

from __future__ import annotations

import importlib
import inspect
from typing import Any


def class_in(module: str, kind: type) -> Any:  # mypy has no type for "a concrete subclass of an abstract class"
    """The one subclass of `kind` that a module defines.

    Args:
        module: its full name.

    Raises:
        ValueError: it defines none, or several.
    """
    found = importlib.import_module(module)
    (own,) = (
        member
        for _, member in inspect.getmembers(found, inspect.isclass)
        if issubclass(member, kind) and member.__module__ == found.__name__
    )
    return own
