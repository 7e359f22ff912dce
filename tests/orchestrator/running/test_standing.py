"""How many trials there are, will be, and how fast they come."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Record
from orchestrator.records.schema import MEMBER, REPLICATE, SEARCH
from orchestrator.running.standing import best_replicate, configurations, pace, standing, trial_seconds

STUDY = Study(data="digits", methods=["vae"], trials=3, seeds=2, space={"latent": [2, 3, 4]})


def record(identity: str, elbo: float, role: str = SEARCH, status: str = ledger.FINISHED, **more: Any) -> Record:
    history = [{"epoch": 1, "time": 5000, "valid/elbo": elbo}]
    usual = {"started": 1000, "configuration": identity[0], "settings": {"method": "vae", "data": "digits"}}
    return Record(identity=identity, role=role, status=status, history=history, **usual | more)


SEARCHED = [record("a", -1.0), record("b", -2.0), record("c", float("nan"))]


def of(*records: Record):
    return standing(STUDY, configurations(STUDY), records)


def test_a_study_is_complete_when_the_best_configuration_has_its_replicates() -> None:
    replicates = [record("a1", -1.5, REPLICATE), record("a2", -1.5, REPLICATE)]
    assert not of(*SEARCHED, replicates[0]).complete
    assert of(*SEARCHED, *replicates).complete


def test_a_replicate_that_failed_is_over_too() -> None:
    replicates = [record("a1", -1.5, REPLICATE), record("a2", -1.5, REPLICATE, ledger.FAILED)]
    assert of(*SEARCHED, *replicates).complete
    assert of(*SEARCHED, *replicates).rows[0].replicated == 1


def test_replicates_of_what_was_the_best_before_do_not_count_for_the_best() -> None:
    before = [record("b1", -2.0, REPLICATE), record("b2", -2.0, REPLICATE)]
    now = of(*SEARCHED, *before, record("a1", -1.0, REPLICATE))
    assert (now.rows[0].replicated, now.ended, now.planned) == (1, 6, 7)


def test_members_of_early_generations_are_over_but_never_the_best() -> None:
    study = Study.model_validate(STUDY.model_dump(exclude_defaults=True) | {"search": "pbt", "generations": 2})
    early = [record(name, value, MEMBER) for name, value in (("d", -0.1), ("e", -0.2), ("f", -0.3))]
    now = standing(study, configurations(study), [*early, *SEARCHED])
    assert (now.rows[0].searched, now.rows[0].configurations, now.rows[0].best) == (6, 6, -1.0)
    replicates = [record("a1", -1.5, REPLICATE), record("a2", -1.5, REPLICATE)]
    assert standing(study, configurations(study), [*early, *SEARCHED, *replicates]).complete


SINGLE = STUDY.model_copy(update={"trials": 1})


def of_single(*records: Record):
    return standing(SINGLE, configurations(SINGLE), records)


def test_a_single_configuration_has_replicates_alone() -> None:
    now = of_single(record("a1", -1.5, REPLICATE))
    assert (now.ended, now.planned, now.complete) == (1, 2, False)
    assert now.lines() == ["vae: replicated 1/2, best valid/elbo -1.5"]
    assert of_single(record("a1", -1.5, REPLICATE), record("a2", -1.6, REPLICATE)).complete


def test_a_single_configuration_that_nothing_was_done_for_is_not_complete() -> None:
    assert (of_single().planned, of_single().complete) == (2, False)


def test_replicates_of_a_single_configuration_that_failed_are_over() -> None:
    assert of_single(*(record(f"a{seed}", 0.0, REPLICATE, ledger.FAILED) for seed in (1, 2))).complete


def test_a_search_of_a_single_configuration_from_an_earlier_version_counts() -> None:
    now = of_single(record("a", -1.0), record("a1", -1.5, REPLICATE))
    assert (now.ended, now.planned) == (2, 3)
    assert now.lines() == ["vae: searched 1/1, replicated 1/2, best valid/elbo -1"]
    assert of_single(record("a", float("nan"))).complete


def test_of_several_metrics_a_single_configuration_is_the_front() -> None:
    several = {"metric": ["valid/elbo", "valid/rate"], "mode": ["max", "min"], "early_stopping": None}
    study = SINGLE.model_copy(update=several)
    now = standing(study, configurations(study), [record("a1", -1.5, REPLICATE), record("a2", -1.6, REPLICATE)])
    assert (now.complete, now.planned, now.rows[0].best) == (True, 2, 1)


def test_trials_that_run_keep_a_study_from_being_complete() -> None:
    assert not of(*SEARCHED, record("a1", -1.0, REPLICATE), record("a2", 0.0, REPLICATE, ledger.RUNNING)).complete


def test_the_pace_is_that_of_the_ends() -> None:
    # Four ends in six seconds: three trials in six seconds.
    assert pace(record(str(end), 0.0, ended=1000 * end) for end in (2, 4, 8, 5)) == pytest.approx(0.5)


def test_one_end_has_no_pace() -> None:
    assert pace([record("a", 0.0, ended=5), record("b", 0.0, status=ledger.RUNNING)]) == 0


def test_what_another_study_ran_costs_nothing() -> None:
    other = record("b", 0.0, ended=9000, facts={"origin": "other"})
    assert trial_seconds([record("a", 0.0, ended=4000), other], now=20_000) == 3.0


def test_a_trial_in_the_middle_took_the_time_until_its_last_report() -> None:
    assert trial_seconds([record("a", 0.0, status=ledger.RUNNING)], now=20_000) == 4.0


def test_a_trial_that_arms_share_counts_for_each() -> None:
    arms = [{"name": "small", "method": "vae"}, {"name": "other", "method": "vae"}]
    study = STUDY.model_copy(update={"methods": Study(data="digits", methods=arms).methods})
    shared = record("a", -1.0, arms=["small", "other"])
    found = standing(study, configurations(study), [shared, record("b", -2.0, arms=["other"])])
    assert {row.branch: row.searched for row in found.rows} == {"small": 1, "other": 2}


def test_the_best_replicate_is_finite_and_finished() -> None:
    candidates = [
        record("a1", -1.5, REPLICATE),
        record("a2", -1.2, REPLICATE),
        record("a3", float("inf"), REPLICATE),
        record("a4", 0.0, REPLICATE, ledger.FAILED),
        record("b", 3.0),
        record("a5", 9.0, REPLICATE, settings={"method": "vae", "data": "usps"}),
    ]
    best = best_replicate(STUDY, candidates)
    assert best is not None
    assert best.identity == "a2"
    assert best_replicate(STUDY, SEARCHED) is None
