"""Which trial of a study comes next, as Ray Tune asks for it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ray.tune.search import Searcher

from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.gpu_shares import GpuShares
from orchestrator.records.ledger import Record
from orchestrator.search.branch_search import BranchSearch
from orchestrator.search.planned import Planned, Search, measured
from orchestrator.search.population_search import PopulationSearch

_OVER = (ledger.FINISHED, ledger.FAILED, ledger.STOPPED)


@dataclass(frozen=True)
class _End:
    """How a trial ended: its status, and the objectives after its last epoch."""

    status: str
    epoch: int
    values: tuple[float, ...]


class StudySearch(Searcher):
    """Ray Tune's view of a study: one searcher for each branch behind one interface.

    Branches come in their order, and a branch's replicates as soon as its search is over, so that all slots stay busy
    until the last trials of the last branch. A trial that several branches propose runs once: those that come later
    hear of it as the first does, or at once where it is over.

    Args:
        study: its definition.
        records: trials of earlier starts.
        joined: called with a trial's identity and an arm when the arm proposes the trial, before that starts.
        kept: called with the identities of the trials whose final states may still be needed.
        shares: of a GPU, that trials get. Those of a branch are doubled where one of its trials exceeded them; the
            trial then comes again.
    """

    def __init__(
        self,
        study: Study,
        records: list[Record],
        joined: Callable[[str, str], None] | None = None,
        *,
        kept: Callable[[frozenset[str]], None] | None = None,
        shares: GpuShares | None = None,
    ) -> None:
        self._metrics = [each.metric for each in study.objectives]
        super().__init__(metric=self._metrics, mode=[each.mode for each in study.objectives])
        logging.getLogger("optuna").setLevel(logging.ERROR)  # also for what it would be faster with
        self.searches = {name: _search(study, name, records) for name in study.branches}
        self._arms = {name: branch.arm.name for name, branch in study.branches.items()}
        self._joined, self._kept = joined or _nobody, kept or _nothing
        self._shares = shares or GpuShares(study)
        self._planned: dict[str, list[tuple[Search, Planned]]] = {}  # by Tune's trial id
        self._running: dict[str, str] = {}  # Tune's trial id by identity
        self._begun = {record.identity for record in records}
        self._most = study.budget.trials or math.inf
        self._ended = {record.identity: _end(record, study) for record in records if record.status in _OVER}

    def __getstate__(self) -> dict[str, Any]:
        # Ray pickles searchers to restore a run from them; this project restores from the records instead.
        return self.__dict__ | {"_joined": _nobody, "_kept": _nothing}

    @property
    def done(self) -> bool:
        return all(search.done for search in self.searches.values())

    def tidy(self) -> None:
        """Say which final states may still be needed."""
        self._kept(frozenset().union(*(search.states for search in self.searches.values())))

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        for name, search in self.searches.items():
            while (planned := search.next()) is not None:
                identity = planned.trial.identity
                if identity not in self._begun and len(self._begun) >= self._most:  # beyond the budget
                    search.put_back(planned)
                    break
                self._begun.add(identity)
                self._joined(identity, self._arms[name])
                if identity in self._ended:
                    _pass_on(self._ended[identity], search, planned)
                elif identity in self._running:
                    self._planned[self._running[identity]].append((search, planned))
                else:
                    self._running[identity], self._planned[trial_id] = trial_id, [(search, planned)]
                    return {
                        "settings": planned.trial.settings(),
                        "role": planned.role,
                        "identity": identity,
                        "branch": name,
                        "parent": planned.parent,
                        "gpu": self._shares[name],
                        "gpu_context": self._shares.context,
                    }
        if self._shares.auto and self._running:  # one that runs may come again
            return None
        return Searcher.FINISHED if self.done or len(self._begun) >= self._most else None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        for search, planned in self._planned[trial_id]:
            search.report(planned, result["epoch"], self._values(result))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if trial_id not in self._planned:
            return
        if error or result is None:
            end = _End(ledger.FAILED, 0, (math.nan,) * len(self._metrics))
        else:
            # Tune does not pass on the report that stopped a trial.
            status = ledger.STOPPED if result["status"] == ledger.RUNNING else result["status"]
            end = _End(status, result["epoch"], self._values(result))
        followers = self._planned.pop(trial_id)
        identity = followers[0][1].trial.identity
        del self._running[identity]
        if result and result.get("exceeded"):
            for search, planned in followers:
                self._shares.double(search.branch, result["exceeded"])
                search.put_back(planned)
            return
        self._ended[identity] = end
        for search, planned in followers:
            _pass_on(end, search, planned)
        self.tidy()

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the records hold it all."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the records hold it all."""

    def _values(self, result: dict[str, Any]) -> tuple[float, ...]:
        return tuple(result[metric] for metric in self._metrics)


def _nobody(identity: str, arm: str) -> None:
    """Hear that an arm proposes a trial, and do nothing."""


def _nothing(identities: frozenset[str]) -> None:
    """Hear which states may be needed, and do nothing."""


def _search(study: Study, branch: str, records: list[Record]) -> Search:
    kind = PopulationSearch if study.search == "pbt" and study.searched(branch) else BranchSearch
    return kind(study, branch, records)


def _end(record: Record, study: Study) -> _End:
    epoch = record.history[-1]["epoch"] if record.history else 0
    return _End(record.status, epoch, measured(record, study))


def _pass_on(end: _End, search: Search, planned: Planned) -> None:
    search.report(planned, end.epoch, end.values)
    search.tell(planned, end.status, end.values)
