"""What has been measured of a saved method, on disk beside it: `evaluate.json`."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from methods.core.errors import BadInput

NAME = "evaluate.json"


@dataclass
class Entry:
    """One group of metrics.

    Attributes:
        settings: that it was measured with.
        seconds: that it took.
        values: metrics by name.
        record: counts, bounds, networks: what has to be known to read the values.
        missing: metrics that could not be measured, with the reason.
    """

    settings: dict[str, Any]
    seconds: float
    values: dict[str, float] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Results:
    """The entries of a folder, by group. What belongs to other weights or other data is forgotten.

    Args:
        folder: with `method.safetensors`.
        data: checksum of the data.
        fresh: forget everything.
    """

    def __init__(self, folder: Path, data: str, *, fresh: bool = False) -> None:
        self._path = folder / NAME
        self._of = {"method": _digest(folder / "method.safetensors"), "data": data}
        self.entries: dict[str, Entry] = {} if fresh else self._read()

    @property
    def path(self) -> Path:
        return self._path

    @property
    def values(self) -> dict[str, float]:
        """All metrics by name."""
        return {name: value for entry in self.entries.values() for name, value in entry.values.items()}

    def has(self, group: str, settings: dict[str, Any]) -> bool:
        """Whether a group was measured with these settings. One that came to nothing may be tried again."""
        entry = self.entries.get(group)
        return entry is not None and entry.settings == settings and bool(entry.values)

    def add(self, group: str, entry: Entry) -> None:
        """Put the entry on disk, whole or not at all.

        Raises:
            BadInput: the folder cannot be written.
        """
        self.entries[group] = entry
        groups = {name: asdict(found) for name, found in self.entries.items()}
        draft = self._path.with_name(f".{NAME}.{os.getpid()}")
        try:
            draft.write_text(json.dumps(self._of | {"values": self.values, "groups": groups}, indent=1))
            os.replace(draft, self._path)
        except OSError as error:
            raise BadInput(f"cannot write {self._path}: {error.strerror or error}") from error

    def _read(self) -> dict[str, Entry]:
        try:
            kept = json.loads(self._path.read_text())
            if {name: kept[name] for name in self._of} != self._of:
                return {}
            return {name: Entry(**entry) for name, entry in kept["groups"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
