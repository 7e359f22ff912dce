"""Trials that another study has run: their records are taken over, and nothing is trained twice.

A trial's result is decided by its settings with the seed (its identity), by the data (their checksum) and by the code
(`code_version`). A record of another study with all three equal, of a trial that finished, is as good as running it
again: what an early stop or a crash left is not. Equal results are promised on equal hardware only, and a new version
of a library may change the last digits; the facts of the record say what it was run with.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from orchestrator.definition.optimization import Optimization
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.schema import REPLICATE

_DECISIVE = ("data_checksum", "code")
_MEASURED = "metrics"
_SEARCHED = "optimization"


def facts(checksum: str, code: str, metrics: list[str], optimization: Optimization | None = None) -> dict[str, str]:
    """What decides a result beside the settings, for a record's facts.

    Args:
        checksum: of the data.
        code: from `code_version.version`.
        metrics: of replicates, as the study names them.
        optimization: searches with the decoder of every trial.
    """
    searched = {} if optimization is None else {_SEARCHED: optimization.fact}
    return {"data_checksum": checksum, "code": code, _MEASURED: " ".join(sorted(metrics))} | searched


def mixed(before: dict[str, str], now: dict[str, str]) -> dict[str, str]:
    """The code of a trial that goes on with other code than it began with: both, so that no study takes it over."""
    began = before.get("code", "")
    if not began or began == now["code"]:
        return {}
    return {"code": began if now["code"] in began.split("+") else f"{began}+{now['code']}"}


def taken_over(records: Ledger, wanted: Record) -> Record | None:
    """The record of a finished trial that equals `wanted`, from a study beside this one, with the trained method.

    It is on disk when this returns, with `origin` among its facts.

    Args:
        records: of the study that needs the trial; it has no record of it yet.
        wanted: a record of the trial that was to run, with the facts of here.

    Raises:
        BadInput: it cannot be written.
    """
    for other in _studies_with(records, wanted.identity):
        found = other.read(wanted.identity)
        trained = other.trained(wanted.identity)
        if found and trained and _equal(found, wanted):
            _link(trained, records.trial_folder(wanted.identity) / "method")
            origin = {"origin": found.origin or other.folder.name}
            taken = dataclasses.replace(found, role=wanted.role, arms=wanted.arms, facts=found.facts | origin)
            records.write(taken)
            return taken
    return None


def _studies_with(records: Ledger, identity: str) -> Iterator[Ledger]:
    for path in sorted(records.folder.parent.glob(f"*/trials/{identity}/record.json")):
        folder = path.parents[2]
        if folder != records.folder:
            yield Ledger(folder)


def _equal(found: Record, wanted: Record) -> bool:
    decisive = all(wanted.facts.get(name) and found.facts.get(name) == wanted.facts[name] for name in _DECISIVE)
    searched = wanted.facts.get(_SEARCHED) in (None, found.facts.get(_SEARCHED))
    whole = searched and (wanted.role != REPLICATE or _measured(found, wanted))
    return decisive and found.status == ledger.FINISHED and whole


def _measured(found: Record, wanted: Record) -> bool:
    """Whether all was measured that the study wants of its replicates, which only replicates have."""
    asked = set(wanted.facts.get(_MEASURED, "").split())
    return not asked or (found.role == REPLICATE and asked <= set(found.facts.get(_MEASURED, "").split()))


def _link(source: Path, target: Path) -> None:
    """A second name for every file: they are replaced, never changed. A copy where the file system has no such links.

    The last file is `trial.json`, without which nothing counts as saved.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir(), key=lambda path: path.name == "trial.json"):
        if path.is_file() and not path.name.startswith("."):
            draft = target / f".{path.name}.{uuid.uuid4().hex}"
            try:
                os.link(path, draft)
            except OSError:
                shutil.copy2(path, draft)
            os.replace(draft, target / path.name)
            draft.unlink(missing_ok=True)  # replacing a file by another name of itself leaves both
