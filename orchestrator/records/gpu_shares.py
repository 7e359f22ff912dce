"""The part of a GPU that the trials of each branch get, and what was measured to find it out.

<results>/<study>/gpu_shares.json    by branch: of which trials, on which cards, what they take; and the least share
                                     that is left where a trial ran out of memory in a smaller one
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestrator.definition.study import AUTO, Study
from orchestrator.records.ledger import write_json

_FILE = "gpu_shares.json"


@dataclass(frozen=True)
class Need:
    """What a trial takes of one kind of GPU.

    Attributes:
        gpu: the name of the card.
        memory: the most that its process holds there, in the largest configuration, as a part of the card's memory.
        context: of this, what the process holds beside its tensors.
        busy: the part of the time in which the GPU computes, in the default configuration.
    """

    gpu: str
    memory: float
    context: float
    busy: float


class GpuShares:
    """What of a GPU each branch's trials get: the number in `resources.gpu`, or for `auto` what `assign` was told.

    Args:
        study: its definition.
        folder: of its records, where measurements are kept; without one none are.
    """

    def __init__(self, study: Study, folder: Path | None = None) -> None:
        gpu = study.resources.gpu
        self.auto = gpu == AUTO
        self._given = 0.0 if gpu == AUTO else float(gpu)
        self._path = folder and folder / _FILE
        self._kept: dict[str, Any] = _read(self._path) if self.auto else {}
        self._assigned: dict[str, float] = {}

    def __getitem__(self, branch: str) -> float:
        return self._assigned.get(branch, self._given)

    @property
    def context(self) -> float:
        """The most that a process holds of a GPU beside its tensors, in what was measured; 0 without `auto`."""
        found = [need["context"] for entry in self._kept.values() for need in entry["needs"].values()]
        return max(found, default=0.0)

    def assign(self, branch: str, share: float) -> None:
        """Give a branch's trials this share from now on, or more where that was too little before."""
        self._assigned[branch] = max(share, self._kept.get(branch, {}).get("least", 0.0))

    def double(self, branch: str, share: float) -> None:
        """Trials ran out of memory in `share` of a GPU: those that start from now on get twice that, or a whole one."""
        least = min(1.0, 2 * share)
        self._entry(branch)["least"] = max(least, self._entry(branch).get("least", 0.0))
        self.assign(branch, self[branch])
        self._write()

    def needs(self, branch: str, trials: str) -> dict[str, Need]:
        """What was measured of a branch, by the kind of card; nothing where that was of other trials.

        Args:
            branch: its name.
            trials: a hash of what decides how much they take.
        """
        if self._entry(branch).get("trials") != trials:
            self._kept[branch] = {"trials": trials, "needs": {}}
        return {card: Need(**need) for card, need in self._kept[branch]["needs"].items()}

    def keep(self, branch: str, card: str, need: Need) -> None:
        """Write down what was measured of a branch on a kind of card, after asking for its `needs`."""
        self._entry(branch)["needs"][card] = asdict(need)
        self._write()

    def _entry(self, branch: str) -> dict[str, Any]:
        return self._kept.setdefault(branch, {"needs": {}})

    def _write(self) -> None:
        if self._path is not None:
            write_json(self._path, self._kept)


def _read(path: Path | None) -> dict[str, Any]:
    """What was kept; nothing where it cannot be read, since it can be measured again."""
    try:
        found = json.loads(path.read_text()) if path else {}
        for entry in found.values():
            for need in entry["needs"].values():
                Need(**need)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return dict(found)
