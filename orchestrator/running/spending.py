"""What a study has spent of its budget, over all its starts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ray.tune.experiment import Trial

from methods.core.errors import BadInput
from orchestrator.definition.budget import Budget
from orchestrator.definition.study import Study
from orchestrator.records.ledger import Ledger, write_json

_LOOK = 1.0  # seconds between two looks at the clock
_WRITE = 10.0  # seconds between two writes: what a crash can lose


@dataclass
class Spent:
    """Hours of the clock while trials ran, and hours of all trials together."""

    hours: float = 0.0
    trial_hours: float = 0.0


class Meter:
    """Adds up what a study spends, in `spent.json` beside its records, and stops it where the budget ends.

    Args:
        records: of the study, bound to its definition; without one nothing is limited.
        clock: seconds.
    """

    def __init__(self, records: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = records.folder / "spent.json", clock
        study = records.study()
        self._budget, self._hourly = (study.budget, study.hourly) if study else (Budget(), 0.0)
        self._spent = _read(records)
        self._looked = self._written = clock()

    def tick(self, trials: Iterable[Trial]) -> None:
        """Take the time since the last call into account, with the `trials` that run.

        Raises:
            KeyboardInterrupt: the budget is spent.
            BadInput: what was spent cannot be written down.
        """
        elapsed = self._clock() - self._looked
        if elapsed < _LOOK:
            return
        self._looked += elapsed
        self._spent.hours += elapsed / 3600
        self._spent.trial_hours += elapsed / 3600 * sum(trial.status == Trial.RUNNING for trial in trials)
        over = bool(_over(self._spent, self._budget, self._hourly))
        if over or self._looked - self._written > _WRITE:
            self._write()
        if over:
            raise KeyboardInterrupt

    def _write(self) -> None:
        write_json(self._path, asdict(self._spent))
        self._written = self._looked


def exhausted(study: Study, records: Ledger) -> str:
    """What of the study's budget is spent, in a sentence with the remedy; empty where all of it leaves something."""
    over = _over(_read(records), study.budget, study.hourly)
    if study.budget.trials is not None and len(list(records.records())) >= study.budget.trials:
        over = f"trials={study.budget.trials}"
    return over and f"the budget {over} is spent: raise it with --set budget.{over.partition('=')[0]}=…"


def _over(spent: Spent, budget: Budget, hourly: float) -> str:
    """The limit that is reached, as `hours=2`; empty where none is."""
    if budget.hours is not None and spent.hours >= budget.hours:
        return f"hours={budget.hours:g}"
    if budget.cost is not None and spent.trial_hours * hourly >= budget.cost:
        return f"cost={budget.cost:g}"
    return ""


def _read(records: Ledger) -> Spent:
    try:
        kept: dict[str, Any] = json.loads((records.folder / "spent.json").read_text())
        return Spent(**kept)
    except FileNotFoundError:
        return Spent()
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{records.folder / 'spent.json'} is damaged: delete it, and the budget begins anew") from error
