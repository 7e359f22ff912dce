"""Early stopping, driven by hand as Ray Tune drives it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ray.tune.schedulers import TrialScheduler

from orchestrator.definition.study import Study
from orchestrator.records.ledger import Record
from orchestrator.running.schedulers import BranchwiseStopping, dealt

METRIC = "valid/elbo"
GO, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


def study(**keys: Any) -> Study:
    given = {"data": "digits", "methods": ["vae", "beta_vae"], "early_stopping": {"grace": 2, "reduction": 2}}
    return Study.model_validate(given | {"metric": METRIC, "fixed": {"epochs": 20}} | keys)


@dataclass
class Trial:
    """What a scheduler sees of Ray Tune's trials."""

    config: dict[str, Any]


def trial(identity: str, method: str = "vae", role: str = "search") -> Trial:
    return Trial({"identity": identity, "role": role, "branch": method, "settings": {"method": method}})


class Field:
    """Trials under one scheduler."""

    def __init__(self, scheduler: BranchwiseStopping) -> None:
        self.scheduler, self.trials = scheduler, dict[str, Trial]()

    def report(self, one: Trial, epoch: int, value: float) -> str:
        if one.config["identity"] not in self.trials:
            self.trials[one.config["identity"]] = one
            self.scheduler.on_trial_add(None, one)
        return self.scheduler.on_trial_result(None, one, {"epoch": epoch, METRIC: value})


def test_a_trial_worse_than_most_of_its_method_is_stopped_at_a_rung() -> None:
    field = Field(BranchwiseStopping(study()))
    assert [field.report(trial(f"t{value}"), 2, value) for value in (3.0, 2.0, 4.0, 1.0)] == [GO, STOP, GO, STOP]


def test_less_is_better_where_the_study_says_so() -> None:
    field = Field(BranchwiseStopping(study(mode="min")))
    assert [field.report(trial(f"t{value}"), 2, value) for value in (3.0, 2.0, 4.0)] == [GO, GO, STOP]


def test_no_trial_is_stopped_before_the_grace_ends_and_between_rungs() -> None:
    field = Field(BranchwiseStopping(study(early_stopping={"grace": 4, "reduction": 2})))
    assert [field.report(trial(f"t{value}"), 3, value) for value in (3.0, 2.0, 1.0)] == [GO, GO, GO]
    assert [field.report(trial(f"t{value}"), 4, value) for value in (3.0, 2.0)] == [GO, STOP]
    assert field.report(trial("t3.0"), 7, -100.0) == GO


@pytest.mark.parametrize("worst", [-1e9, -5.0])
def test_a_trial_is_compared_within_its_own_method_alone(worst: float) -> None:
    field = Field(BranchwiseStopping(study()))
    for value in range(10):
        field.report(trial(f"v{value}", "vae"), 2, 100.0 + value)
    assert field.report(trial("b1", "beta_vae"), 2, worst) == GO
    assert field.report(trial("b2", "beta_vae"), 2, worst - 1) == STOP


def test_replicates_are_never_stopped_and_stop_nobody() -> None:
    field = Field(BranchwiseStopping(study()))
    assert [field.report(trial(f"r{v}", role="replicate"), 2, -v) for v in range(5)] == [GO] * 5
    assert field.report(trial("a"), 2, -100.0) == GO
    assert field.report(trial("r9", role="replicate"), 2, -1000.0) == GO


def test_without_early_stopping_all_run_to_the_end() -> None:
    field = Field(BranchwiseStopping(study(early_stopping=None)))
    assert [field.report(trial(f"t{value}"), 2, value) for value in (3.0, 2.0, 1.0)] == [GO] * 3


def test_a_metric_that_is_not_finite_neither_stops_its_trial_nor_moves_the_bar() -> None:
    field = Field(BranchwiseStopping(study()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [field.report(trial(f"n{n}"), 2, n) for n in (math.nan, math.inf, -math.inf)] == [GO] * 3
        assert [field.report(trial(f"t{value}"), 2, value) for value in (3.0, 2.0, 4.0)] == [GO, STOP, GO]


def test_a_trial_that_failed_with_no_value_can_end() -> None:
    scheduler = BranchwiseStopping(study())
    one = trial("a")
    scheduler.on_trial_add(None, one)
    scheduler.on_trial_complete(None, one, {"epoch": 0, METRIC: math.nan})
    assert Field(scheduler).report(trial("b"), 2, 1.0) == GO


def test_the_last_report_of_a_trial_counts_for_those_that_follow() -> None:
    scheduler = BranchwiseStopping(study())
    one = trial("a")
    scheduler.on_trial_add(None, one)
    scheduler.on_trial_complete(None, one, {"epoch": 20, METRIC: 5.0})
    assert Field(scheduler).report(trial("b"), 16, 4.0) == STOP


def test_trials_of_different_length_are_stopped_by_results_alone() -> None:
    field = Field(BranchwiseStopping(study(space={"epochs": [10, 20]}, fixed={})))
    short, long = trial("short"), trial("long")
    short.config["settings"]["epochs"] = 10
    assert field.report(short, 8, 1.0) == GO
    assert [field.report(long, epoch, 2.0) for epoch in (8, 16, 18)] == [GO] * 3


@pytest.mark.parametrize("grace", [1, 100])
def test_a_grace_longer_than_the_trials_stops_none(grace: int) -> None:
    field = Field(BranchwiseStopping(study(early_stopping={"grace": grace, "reduction": 3})))
    decisions = {field.report(trial(f"t{value}"), 19, -value) for value in range(9)}
    assert decisions == ({GO} if grace == 100 else {GO, STOP})


def test_a_second_start_decides_as_if_there_had_been_no_first() -> None:
    values = np.random.default_rng(0).normal(size=(12, 4)).tolist()
    epochs = (2, 4, 8, 16)

    def decisions(field: Field, identities: range) -> list[str]:
        return [field.report(trial(str(i)), epoch, values[i][n]) for i in identities for n, epoch in enumerate(epochs)]

    def record(i: int) -> Record:
        history = [{"epoch": epoch, "time": 0, METRIC: values[i][n]} for n, epoch in enumerate(epochs)]
        return Record(str(i), "c", {"method": "vae"}, "search", i, history=history)

    whole = decisions(Field(BranchwiseStopping(study())), range(12))
    second = decisions(Field(BranchwiseStopping(study(), [record(i) for i in range(6)])), range(6, 12))
    assert second == whole[6 * len(epochs) :]
    assert {GO, STOP} == set(second)


def test_the_median_rule_stops_what_never_was_as_good_as_the_median_of_three_others() -> None:
    field = Field(BranchwiseStopping(study(early_stopping={"rule": "median", "grace": 2})))
    # Means of the others: 1, 2, 3, their median 2; 1.5 is less, 2.5 is not.
    assert [field.report(trial(f"t{value}"), 2, value) for value in (1.0, 2.0, 3.0)] == [GO] * 3
    assert [field.report(trial(f"t{value}"), 2, value) for value in (1.5, 2.5)] == [STOP, GO]


def test_the_median_rule_knows_the_trials_of_an_earlier_start() -> None:
    history = [{"epoch": 2, "time": 0, METRIC: 1.0}, {"epoch": 4, "time": 1, METRIC: 5.0}]
    records = [Record(str(i), "c", {"method": "vae"}, "search", i, history=history) for i in range(4)]
    field = Field(BranchwiseStopping(study(early_stopping={"rule": "median", "grace": 2}), records))
    assert [field.report(trial("a"), 4, 2.9), field.report(trial("b"), 4, 3.1)] == [STOP, GO]


def test_hyperband_deals_trials_to_brackets_that_all_cost_the_same() -> None:
    # With 2, 1 and no halvings to come, a bracket has trials in proportion to 9 / 3, 3 / 2 and 1.
    counts = np.bincount([dealt(f"{number:x}", 2, 3.0) for number in range(11_000)])
    # Each count is binomial; 5 standard deviations are passed by chance with probability 6e-7.
    for count, share in zip(counts, (6 / 11, 3 / 11, 2 / 11), strict=True):
        assert abs(count - 11_000 * share) < 5 * math.sqrt(11_000 * share * (1 - share))


def test_hyperband_leaves_a_trial_in_a_later_bracket_the_longer_grace() -> None:
    given = {"early_stopping": {"rule": "hyperband", "grace": 2, "reduction": 2}, "fixed": {"epochs": 4}}
    identities = [f"{number:x}" for number in range(40)]
    field = Field(BranchwiseStopping(study(**given)))
    early = {name for place, name in enumerate(identities) if field.report(trial(name), 2, -place) == STOP}
    patient = {name for name in identities if dealt(name, 1, 2.0) == 1}
    assert early
    assert not early & patient
    assert STOP in {field.report(trial(name), 4, -place) for place, name in enumerate(sorted(patient))}
