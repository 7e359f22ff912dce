"""Final states of trials that others go on from: kept as long as somebody may, since they take three times the room of
the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from pipelines import artifact
from pipelines.trial import Trial
from pipelines.trial import trial as checked

_NAME = "state.pt"


class States:
    """The states in the records of one study.

    Args:
        records: where they are.
    """

    def __init__(self, records: Ledger) -> None:
        self._records = records
        self._needed: frozenset[str] | None = None

    def keep(self, needed: frozenset[str]) -> None:
        """Delete all but those of the trials with these identities."""
        if needed == self._needed:
            return
        self._needed = needed
        for path in self._records.folder.glob(f"trials/*/{Path(_NAME).stem}.*"):
            if path.parent.name not in needed:
                path.unlink(missing_ok=True)


def place(records: Ledger, identity: str) -> Path:
    """Where the state of a trial is, if it left one."""
    return records.trial_folder(identity) / _NAME


def parent(records: Ledger, trial: Trial, identity: str) -> Record | None:
    """The record of the trial of that identity, where `trial` goes on from its end; else None."""
    found = records.read(identity) if identity else None
    if found is None or found.status != ledger.FINISHED or not trial.continues(checked(found.settings)):
        return None
    return found


def inherited(records: Ledger, identity: str, epoch: int) -> dict[str, Any] | None:
    """The state of a parent, no later than after `epoch`; None where there is none any more."""
    state = artifact.load_state(place(records, identity))
    return state if state is not None and state["training"]["epochs_done"] <= epoch else None
