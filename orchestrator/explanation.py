"""What pydantic finds wrong with a study, as one sentence."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from methods.core.errors import BadInput, unknown

_FORMS = {
    "methods": "'all' or a list of methods",
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


def explained(where: str, error: ValidationError, model: type[BaseModel]) -> BadInput:
    """The first thing that is wrong: the key, what it takes and what it was given.

    Args:
        where: what was read, such as the name of a file.
        error: as pydantic raised it.
        model: what the content was to be.
    """
    first = error.errors()[0]
    # Where a key takes several forms, pydantic adds the form that it tried, in brackets.
    *parents, last = names = [str(part) for part in first["loc"] if "[" not in str(part)]
    if first["type"] == "extra_forbidden":
        known = _parts(model)[parents[0]] if parents else model
        return BadInput(f"{where}: {unknown(' of '.join(['key', *parents]), last, known.model_fields)}")
    if first["type"] == "missing":
        return BadInput(f"{where}: the key {last!r} is missing ({_meaning(last, model)})")
    form = _FORMS.get(names[0]) if len(names) < len(first["loc"]) else _FORMS.get(first["type"])
    wrong = f"must be {form}" if form else first["msg"].replace("Input should be", "must be", 1)
    return BadInput(f"{where}: {'.'.join(names)} {wrong}, got {first['input']!r}")


def _parts(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The keys whose values are models of their own, as their defaults show."""
    defaults = {name: entry.default for name, entry in model.model_fields.items()}
    return {name: type(default) for name, default in defaults.items() if isinstance(default, BaseModel)}


def _meaning(key: str, model: type[BaseModel]) -> str:
    lines = [line.strip() for line in (model.__doc__ or "").splitlines()]
    return next((line.removeprefix(f"{key}: ").rstrip(".") for line in lines if line.startswith(f"{key}: ")), key)
