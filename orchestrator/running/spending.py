"""What a study has spent of its budget, over all its starts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ray.tune.experiment import Trial

from methods.core.errors import BadInput
from orchestrator.definition.study import AUTO, Study
from orchestrator.records.ledger import Ledger, write_json

_LOOK = 1.0  # seconds between two looks at the clock
_WRITE = 10.0  # seconds between two writes: what a crash can lose


@dataclass
class Spent:
    """Hours of the clock while trials ran, hours of all trials together, and hours of the GPUs that they had."""

    hours: float = 0.0
    trial_hours: float = 0.0
    gpu_hours: float = 0.0

    def cost(self, study: Study) -> float:
        """In money, at the study's prices."""
        prices, resources = study.prices, study.resources
        return self.trial_hours * resources.cpu * prices.cpu + self.gpu_hours * prices.gpu


class Meter:
    """Adds up what a study spends, in `spent.json` beside its records, and stops it where the budget ends.

    Args:
        records: of the study, bound to its definition; without one nothing is limited.
        clock: seconds.
    """

    def __init__(self, records: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = records.folder / "spent.json", clock
        self._study = records.study()
        self._spent = _read(records, self._study)
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
        shares = [trial.config["gpu"] for trial in trials if trial.status == Trial.RUNNING]
        self._spent.trial_hours += elapsed / 3600 * len(shares)
        self._spent.gpu_hours += elapsed / 3600 * sum(shares)
        over = self._study is not None and bool(_over(self._spent, self._study))
        if over or self._looked - self._written > _WRITE:
            self._write()
        if over:
            raise KeyboardInterrupt

    def _write(self) -> None:
        write_json(self._path, asdict(self._spent))
        self._written = self._looked


def exhausted(study: Study, records: Ledger) -> str:
    """What of the study's budget is spent, in a sentence with the remedy; empty where all of it leaves something."""
    over = _over(_read(records, study), study)
    if study.budget.trials is not None and len(list(records.records())) >= study.budget.trials:
        over = f"trials={study.budget.trials}"
    return over and f"the budget {over} is spent: raise it with --set budget.{over.partition('=')[0]}=…"


def _over(spent: Spent, study: Study) -> str:
    """The limit that is reached, as `hours=2`; empty where none is."""
    budget = study.budget
    if budget.hours is not None and spent.hours >= budget.hours:
        return f"hours={budget.hours:g}"
    if budget.cost is not None and spent.cost(study) >= budget.cost:
        return f"cost={budget.cost:g}"
    return ""


def _read(records: Ledger, study: Study | None) -> Spent:
    try:
        kept: dict[str, Any] = json.loads((records.folder / "spent.json").read_text())
        # An earlier version of this project knew but one share of a GPU, the study's.
        shared = study.resources.gpu if study and study.resources.gpu != AUTO else 0.0
        return Spent(**({"gpu_hours": kept["trial_hours"] * shared} | kept))
    except FileNotFoundError:
        return Spent()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadInput(f"{records.folder / 'spent.json'} is damaged: delete it, and the budget begins anew") from error
