"""What pydantic finds wrong with a study, as one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from methods.core.errors import BadInput, unknown

_FORMS = {
    "data": "a data set or a list of them",
    "methods": "'all' or a list of methods and arms",
    "metric": "a metric or a list of them",
    "resources": "a number of GPUs, such as 0.25, or 'auto'",
    "mode": "'max' or 'min', or of several metrics a list of these",
    "space": "{low, high, log} or a list of choices",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "string_type": "text",
    "invalid_key": "text",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
}
"""What a key takes: by its name where it takes several forms, else by pydantic's name of the error."""


_TRIED = ("str", "Arm", "Counterpart", "constrained-float")


def explained(where: str, error: ValidationError, model: type[BaseModel]) -> BadInput:
    """The first thing that is wrong: the key, what it takes and what it was given.

    Args:
        where: what was read, such as the name of a file.
        error: as pydantic raised it.
        model: what the content was to be.
    """
    first = error.errors()[0]
    # Where a key takes several forms, pydantic adds the form that it tried.
    *parents, last = names = [str(part) for part in first["loc"] if "[" not in str(part) and part not in _TRIED]
    if first["type"] == "extra_forbidden":
        of = f"key of {'.'.join(parents)}" if parents else "key"
        return BadInput(f"{where}: {unknown(of, last, _at(model, parents).model_fields)}")
    if first["type"] == "missing":
        return BadInput(f"{where}: the key {last!r} is missing ({_meaning(last, model)})")
    form = _FORMS.get(names[0]) if len(names) < len(first["loc"]) else _FORMS.get(first["type"])
    wrong = f"must be {form}" if form else first["msg"].replace("Input should be", "must be", 1)
    return BadInput(f"{where}: {'.'.join(names)} {wrong}, got {first['input']!r}")


def _at(model: type[BaseModel], path: list[str]) -> type[BaseModel]:
    """The model of the value at a path of keys and places in lists."""
    for step in path:
        if step in model.model_fields:
            model = next(_models(model.model_fields[step].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in the annotation of a key."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _meaning(key: str, model: type[BaseModel]) -> str:
    lines = [line.strip() for line in (model.__doc__ or "").splitlines()]
    return next((line.removeprefix(f"{key}: ").rstrip(".") for line in lines if line.startswith(f"{key}: ")), key)
