"""Settings that belong together: `lineage`, each method as its paper trains it, `harmonised`, all methods alike, and
`molecules`, for draws from the prior of molecules.

A preset is a YAML file here: for a method, or for `all`, where the settings are from (`source`), the `settings`, and
what is different `on` some data sets; and under `on`, what is different there for all methods. Whatever is set beside a
preset goes before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from methods.core.errors import BadInput, unknown
from pipelines.datasets import own_strings, shares

_FOLDER = Path(__file__).parent
_ALL = "all"
_ON = "on"


def names() -> list[str]:
    """Every preset."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def settings(preset: str, method: str, data: str) -> dict[str, Any]:
    """What the preset sets for a method on a data set: settings of a trial, less `data` and `method`.

    Raises:
        BadInput: an unknown preset (the message names the nearest), or one without this method.
    """
    entry = _entry(preset, method)
    whole = own_strings.like(shares.parted(data)[0])
    alike = _read(preset).get(_ON, {}).get(whole, {})
    return dict(entry["settings"]) | alike | entry.get(_ON, {}).get(whole, {})


def source(preset: str, method: str) -> str:
    """Where the settings are from: paper and section, or code.

    Raises:
        BadInput: as `settings` does.
    """
    return str(_entry(preset, method)["source"])


def _entry(preset: str, method: str) -> Mapping[str, Any]:
    if preset not in names():
        raise unknown("preset", preset, names())
    entries = _read(preset)
    if method == _ON or (method not in entries and _ALL not in entries):
        raise BadInput(f"the preset {preset} has no settings for {method}: leave the preset out and set them yourself")
    return entries.get(method, entries.get(_ALL, {}))


@cache
def _read(preset: str) -> Mapping[str, Any]:
    return yaml.safe_load((_FOLDER / f"{preset}.yaml").read_text())
