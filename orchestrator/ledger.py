"""What a study has done so far, on disk: the record that everything else can be rebuilt from.

    <results>/<study>/study.json                the definition this folder belongs to
                      trials/<identity>/record.json     settings, role, status, every report, the test metrics
                                        checkpoint.pt   a run in progress
                                        method/         the trained method

A trial's own process writes its record; the sweep only adds how a trial ended where the process cannot. Files appear
whole or not at all. On a cluster the folder must be on storage that all nodes share.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from methods.core.errors import BadInput
from orchestrator.study import ASIDE, Study

RUNNING, FINISHED, FAILED, STOPPED = "running", "finished", "failed", "stopped"


@dataclass
class Record:
    """One trial so far.

    Attributes:
        identity: hash of all settings.
        configuration: hash of all settings but the seed.
        settings: all settings, flat.
        role: `search` or `replicate`.
        status: `running`, `finished`, `failed` or `stopped` (early, by the scheduler).
        message: why it failed.
        history: one entry a report: `epoch`, `time` (ms since 1970) and the metrics.
        test: metrics on the test split, once finished.
        started, ended: ms since 1970; `ended` is 0 while it runs.
        facts: where and with what it ran: hostname, versions, git commit, checksum of the data.
    """

    identity: str
    configuration: str
    settings: dict[str, Any]
    role: str
    started: int
    status: str = RUNNING
    message: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    test: dict[str, float] = field(default_factory=dict)
    ended: int = 0
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """How it ended, in words; empty while it runs."""
        last = self.history[-1]["epoch"] if self.history else 0
        words = {FINISHED: "finished", FAILED: f"failed: {self.message}", STOPPED: f"stopped early after epoch {last}"}
        return words.get(self.status, "")

    def value(self, metric: str) -> float | None:
        """The metric at the last report that has it."""
        return next((entry[metric] for entry in reversed(self.history) if metric in entry), None)


class Ledger:
    """The records of one study.

    Args:
        folder: the study's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def trial_folder(self, identity: str) -> Path:
        return self.folder / "trials" / identity

    def read(self, identity: str) -> Record | None:
        """The record of a trial, or None where there is none that can be read."""
        try:
            return Record(**json.loads((self.trial_folder(identity) / "record.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, record: Record) -> None:
        """Put a record on disk. Raises `BadInput` where that is full or not there any more."""
        _write(self.trial_folder(record.identity) / "record.json", asdict(record))

    def records(self) -> Iterator[Record]:
        """All readable records, oldest first."""
        folders = (self.folder / "trials").glob("*/record.json")
        found = (self.read(path.parent.name) for path in folders)
        return iter(sorted((record for record in found if record), key=lambda record: record.started))

    def claim(self) -> FileLock:
        """Hold the folder for this process: one sweep at a time runs a study.

        Raises:
            BadInput: another process holds it, or it cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
            lock.acquire(timeout=0)
        except Timeout as error:
            raise BadInput(f"another sweep is running this study in {self.folder}: wait for it or stop it") from error
        except OSError as error:
            raise BadInput(
                f"cannot write to {self.folder}: {error.strerror or error}; choose another folder with --results"
            ) from error
        return lock

    def adopt(self, study: Study) -> str:
        """Bind the folder to `study`, or check that it is. Returns the session's id, the same at every resume.

        A folder without trials may be bound anew: nothing was run with the definition that it had.

        Raises:
            BadInput: the folder belongs to another definition; the message names what differs.
        """
        kept = self._kept()
        if kept and kept["definition"] == study.definition:
            return kept["session"]
        if kept and any(self.records()):
            raise BadInput(_changed(kept["study"], study.model_dump(), self.folder))
        session = uuid.uuid4().hex
        _write(self._definition, {"session": session, "definition": study.definition, "study": study.model_dump()})
        return session

    @property
    def _definition(self) -> Path:
        return self.folder / "study.json"

    def _kept(self) -> dict[str, Any] | None:
        if not self._definition.is_file():
            return None
        try:
            kept = json.loads(self._definition.read_text())
            return {key: kept[key] for key in ("session", "definition", "study")}
        except (ValueError, TypeError, KeyError) as error:
            raise BadInput(f"{self._definition} is damaged: delete {self.folder} to start over") from error


def _changed(kept: dict[str, Any], study: dict[str, Any], folder: Path) -> str:
    keys = [key for key in study if key not in ASIDE and kept.get(key) != study[key]]
    changes = "; ".join(f"{key}: {kept.get(key)!r} there, {study[key]!r} now" for key in keys)
    return (
        f"the study {folder.name!r} was already run with another definition ({changes}): "
        f"give this one another name with --name, or delete {folder} to start over"
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(content))
        os.replace(draft, path)
    except OSError as error:
        raise BadInput(
            f"cannot write {path} ({error.strerror or error}): make room for it, then the same command continues"
        ) from error
