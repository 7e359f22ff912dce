"""Tasks: what is looked for. A task of one's own is a class named as `module:Class`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # imported in functions: a process that scores molecules imports this package, and needs no torch
    from lso.task import Task

_TASKS = {"expression": "lso.tasks.expression:Expression", "molecule": "lso.tasks.molecule:Molecule"}


def names() -> list[str]:
    """Every task that comes with the project and is an objective over strings."""
    return sorted(_TASKS)


def build(name: str, settings: Mapping[str, Any]) -> Task:
    """The task of this name, or the class that `module:Class` names, built with `settings`.

    Raises:
        BadInput: there is none, or it cannot be built so.
    """
    from lso.task import Task
    from methods.core.errors import BadInput, unknown

    if ":" not in name and name not in _TASKS:
        raise unknown("task", name, _TASKS)
    found = _found(_TASKS.get(name, name))
    try:
        task = found(**settings)
    except TypeError as error:
        raise BadInput(f"the task {name} cannot be built with {dict(settings)}: {error}") from error
    if not isinstance(task, Task):
        raise BadInput(f"{name} is no task: derive it from lso.task.Task")
    return task


def _found(reference: str) -> Any:
    from methods.core.errors import BadInput

    module, _, member = reference.partition(":")
    try:
        return getattr(importlib.import_module(module), member)
    except (ImportError, SyntaxError) as error:
        raise BadInput(f"cannot import the task {reference}: {error}") from error
    except AttributeError as error:
        raise BadInput(f"the module {module} has no {member}") from error
