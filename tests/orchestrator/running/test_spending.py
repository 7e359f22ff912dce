"""What a study has spent, by a clock of the test's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ray.tune.experiment import Trial

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records.ledger import Ledger, Record
from orchestrator.running.spending import Meter, exhausted


@dataclass
class Clock:
    """Seconds that the test sets."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Running:
    """What the meter sees of Ray Tune's trials."""

    status: str = Trial.RUNNING
    config: dict[str, float] = field(default_factory=lambda: {"gpu": 0.5})


def study(**keys: Any) -> Study:
    return Study.model_validate({"data": "digits", "methods": ["vae"]} | keys)


def bound(folder: Path, **keys: Any) -> Ledger:
    records = Ledger(folder / "study")
    records.adopt(study(**keys))
    return records


def run(records: Ledger, minutes: int, trials: list[Running]) -> bool:
    """A start of so many minutes at most; whether it was stopped by the budget."""
    clock = Clock()
    meter = Meter(records, clock)
    for _ in range(minutes):
        clock.now += 60
        try:
            meter.tick(trials)
        except KeyboardInterrupt:
            return True
    return False


def test_hours_add_up_over_starts(tmp_path: Path) -> None:
    records = bound(tmp_path, budget={"hours": 1.0})
    assert not run(records, 59, [])
    assert run(records, 2, [])
    assert exhausted(study(budget={"hours": 1.0}), records).startswith("the budget hours=1 is spent: raise it with ")


def test_a_higher_budget_lets_the_study_go_on(tmp_path: Path) -> None:
    records = bound(tmp_path, budget={"hours": 0.5})
    assert run(records, 60, [])
    assert exhausted(study(budget={"hours": 2.0}), records) == ""
    records.adopt(study(budget={"hours": 2.0}))
    assert not run(records, 60, [])


def test_trials_cost_what_their_resources_do(tmp_path: Path) -> None:
    # Two trials of 2 CPUs and half a GPU: 2 x (2 x 0.1 + 0.5 x 3.2) = 3.6 an hour, so 1.8 is reached after 30 minutes.
    keys = {
        "budget": {"cost": 1.8},
        "prices": {"cpu": 0.1, "gpu": 3.2},
        "resources": {"cpu": 2, "gpu": 0.5},
    }
    records = bound(tmp_path, **keys)
    trials = [Running(), Running(), Running(Trial.TERMINATED)]
    assert not run(records, 29, trials)
    assert run(records, 2, trials)
    assert exhausted(study(**keys), records).startswith("the budget cost=1.8 is spent")


def test_trials_cost_what_their_own_shares_of_gpus_do(tmp_path: Path) -> None:
    # Two trials of a CPU with 1/4 and 3/4 of a GPU: 2 x 0.1 + 1 x 3.2 = 3.4 an hour, so 1.7 takes 30 minutes.
    keys = {"budget": {"cost": 1.7}, "prices": {"cpu": 0.1, "gpu": 3.2}, "resources": {"cpu": 1, "gpu": "auto"}}
    records = bound(tmp_path, **keys)
    trials = [Running(config={"gpu": 0.25}), Running(config={"gpu": 0.75})]
    assert not run(records, 29, trials)
    assert run(records, 2, trials)


def test_what_was_spent_before_shares_differed_had_the_share_of_the_study(tmp_path: Path) -> None:
    records = bound(tmp_path)
    (records.folder / "spent.json").write_text('{"hours": 1, "trial_hours": 2}')
    priced = {"prices": {"cpu": 0, "gpu": 1}, "resources": {"gpu": 0.25}}
    assert exhausted(study(budget={"cost": 0.6}, **priced), records) == ""
    assert exhausted(study(budget={"cost": 0.5}, **priced), records).startswith("the budget cost=0.5 is spent")


def test_trials_are_counted_by_their_records(tmp_path: Path) -> None:
    records = bound(tmp_path)
    for identity in "ab":
        records.write(Record(identity, identity, {"method": "vae"}, "search", 0))
    assert exhausted(study(budget={"trials": 3}), records) == ""
    assert exhausted(study(budget={"trials": 2}), records).startswith("the budget trials=2 is spent")


def test_without_a_budget_nothing_stops(tmp_path: Path) -> None:
    assert not run(Ledger(tmp_path), 100, [Running()] * 100)


def test_what_was_spent_and_cannot_be_read_is_told(tmp_path: Path) -> None:
    records = bound(tmp_path)
    (records.folder / "spent.json").write_text("{")
    with pytest.raises(BadInput, match=r"spent\.json is damaged: delete it, and the budget begins anew"):
        Meter(records)
