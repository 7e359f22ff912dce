"""What a study has done so far, on disk: the record that everything else can be rebuilt from.

    <results>/<study>/study.json                the definition this folder belongs to
                      trials/<identity>/arms.json       which arms of the study proposed it
                                        record.json     settings, role, status, every report, the test metrics
                                        checkpoint.pt   a run in progress
                                        state.pt        how a member of a population ended, for the next generation
                                        method/         the trained method

A trial's own process writes its record; the sweep only adds how a trial ended where the process cannot. Files appear
whole or not at all. On a cluster the folder must be on storage that all nodes share.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import ValidationError

from methods.core.errors import BadInput
from orchestrator.definition.study import ASIDE, Study

RUNNING, FINISHED, FAILED, STOPPED = "running", "finished", "failed", "stopped"

DRAWINGS = "figures"
"""The folder of a trial's figures, and what MLflow calls it."""

_ARMS = "arms.json"
_COUNTS = {"trials", "seeds", "front"}
_SETS = {"methods", "arms", "data"}
"""What of a study may grow while it keeps its trials."""


@dataclass
class Record:
    """One trial so far.

    Attributes:
        identity: hash of all settings.
        configuration: hash of all settings but the seed.
        settings: all settings, flat.
        role: `search`, `member` or `replicate`.
        status: `running`, `finished`, `failed` or `stopped` (early, by the scheduler).
        message: why it failed.
        history: one entry a report: `epoch`, `time` (ms since 1970) and the metrics.
        test: metrics on the test split, once finished.
        started, ended: ms since 1970; `ended` is 0 while it runs.
        arms: of the study that proposed it, in that order; they are kept beside the record, by the sweep.
        facts: where and with what it ran: hostname, versions, git commit, checksum of the data, `code` (the hash that
            `code.version` gives), and the `origin` of a record that comes from another study.
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
    arms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.arms = self.arms or [self.settings.get("method", "")]  # plain methods are the arms of their names

    @property
    def outcome(self) -> str:
        """How it ended, in words; empty while it runs."""
        last = self.history[-1]["epoch"] if self.history else 0
        words = {FINISHED: "finished", FAILED: f"failed: {self.message}", STOPPED: f"stopped early after epoch {last}"}
        return words.get(self.status, "")

    @property
    def origin(self) -> str:
        """The study that ran it, where that is another one; empty where it is this one."""
        return self.facts.get("origin", "")

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

    def trained(self, identity: str) -> Path | None:
        """The folder of a trial's trained method; None where there is none."""
        folder = self.trial_folder(identity) / "method"
        return folder if (folder / "trial.json").is_file() else None

    def read(self, identity: str) -> Record | None:
        """The record of a trial, or None where there is none that can be read."""
        try:
            kept = json.loads((self.trial_folder(identity) / "record.json").read_text())
            return Record(**kept, arms=self._arms(identity))
        except (OSError, ValueError, TypeError):
            return None

    def join(self, identity: str, arm: str) -> None:
        """Note that an arm has proposed a trial, whether that has a record yet or not. Raises as `write` does."""
        arms = self._arms(identity)
        if arm not in arms:
            write_json(self.trial_folder(identity) / _ARMS, [*arms, arm])

    def _arms(self, identity: str) -> list[str]:
        try:
            return list(json.loads((self.trial_folder(identity) / _ARMS).read_text()))
        except (OSError, ValueError, TypeError):
            return []

    def write(self, record: Record) -> None:
        """Put a record on disk. Raises `BadInput` where that is full or not there any more."""
        # The trial's process writes the record and the sweep the arms: neither must undo what the other wrote.
        kept = {name: value for name, value in vars(record).items() if name != "arms"}
        write_json(self.trial_folder(record.identity) / "record.json", kept)

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

        A study may be extended: more trials, methods, data sets or seeds than the folder was bound to keep all that was
        done. A folder without trials may be bound anew: nothing was run with the definition that it had.

        Raises:
            BadInput: the folder belongs to another definition; the message names what differs.
        """
        kept = self._kept()
        if kept is None or (kept["definition"] != study.definition and not any(self.records())):
            return self._bind(study, uuid.uuid4().hex)
        changes = _changes(kept["study"], study)
        wrong = {key: values for key, values in changes.items() if not _extends(study, key, *values)}
        if wrong:
            raise BadInput(_refused(wrong, self.folder))
        same = kept["study"] == study.model_dump(mode="json")  # also in what does not decide the trials
        return kept["session"] if same else self._bind(study, kept["session"])

    def study(self) -> Study | None:
        """The definition that the folder is bound to; None where it is not.

        Raises:
            BadInput: it is damaged, or of another version.
        """
        kept = self._kept()
        try:
            return Study.model_validate(kept["study"]) if kept else None
        except ValidationError as error:
            raise BadInput(f"{self._definition} is of another version of this project: use that version") from error

    @property
    def session(self) -> str:
        """The session's id, as `adopt` gave it; empty where the folder is not bound."""
        kept = self._kept()
        return kept["session"] if kept else ""

    def _bind(self, study: Study, session: str) -> str:
        write_json(
            self._definition,
            {"session": session, "definition": study.definition, "study": study.model_dump(mode="json")},
        )
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


def _changes(kept: dict[str, Any], study: Study) -> dict[str, tuple[Any, Any]]:
    """What decides the trials and differs: before and now. A key that studies did not have then had its default."""
    now = study.model_dump(mode="json")
    try:
        known = {key: value for key, value in kept.items() if key in now}
        before = (kept | Study.model_validate(known).model_dump(mode="json")) if known else kept
    except ValidationError:  # a value that was possible once
        before = kept
    keys = [key for key in now | before if key not in ASIDE]
    return {key: (before.get(key), now.get(key)) for key in keys if before.get(key) != now.get(key)}


def _extends(study: Study, key: str, before: Any, now: Any) -> bool:
    """Whether all trials of a study are also trials of the study in which this key has changed."""
    if key == "trials" and study.search == "pbt":
        return False  # the best of more members are others
    if key in _COUNTS:
        return bool(now >= before)
    return key in _SETS and (now == "all" or all(entry in _entries(now) for entry in _entries(before)))


def _entries(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.items())
    return list(value) if isinstance(value, list) else [value] if value is not None else []


def _refused(wrong: dict[str, tuple[Any, Any]], folder: Path) -> str:
    what = "; ".join(f"{key}: {before!r} there, {now!r} now" for key, (before, now) in wrong.items())
    return (
        f"the study {folder.name!r} was already run with another definition ({what}): "
        f"give this one another name with --name, or delete {folder} to start over"
    )


def write_json(path: Path, content: dict[str, Any] | list[Any]) -> None:
    """A file whole, or as it was before.

    Raises:
        BadInput: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(content))
        os.replace(draft, path)
    except OSError as error:
        raise BadInput(
            f"cannot write {path} ({error.strerror or error}): make room for it, then the same command continues"
        ) from error
