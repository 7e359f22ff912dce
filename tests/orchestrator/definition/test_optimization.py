"""Searches with decoders as the metric of a study."""

from __future__ import annotations

from typing import Any

import pytest

from methods.core.errors import BadInput
from orchestrator.definition import optimization, study_check
from orchestrator.definition.optimization import Optimization
from orchestrator.definition.study import Study
from orchestrator.running.reuse import facts

SEARCHES = {"task": "expression", "budget": 20}


def study(**changes: Any) -> Study:
    given = {
        "data": "expressions_tlbo",
        "methods": ["rae"],
        "metric": "lso/expression/best",
        "mode": "min",
        "early_stopping": None,
        "optimization": SEARCHES,
        "fixed": {"network": "mlp"},
    }
    return Study.model_validate(given | changes)


def test_an_outcome_may_be_the_metric() -> None:
    study_check.check(study())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimization": None}, "needs searches: add optimization"),
        ({"metric": "lso/expression/bset"}, "did you mean 'lso/expression/best'"),
        ({"early_stopping": "asha"}, "known at the end of a trial only"),
        ({"optimization": SEARCHES | {"optimizer": "evolutoin"}}, "did you mean 'evolution'"),
        ({"optimization": SEARCHES | {"knowledge": "all"}}, "knowledge"),
        ({"optimization": SEARCHES | {"batch": 50}}, "optimization: a budget of 20 calls is less than a batch of 50"),
        ({"optimization": {"task": "expresion"}}, "did you mean 'expression'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        study_check.check(study(**changes))


def test_the_direction_of_an_outcome_is_that_of_its_task() -> None:
    found = [optimization.described(f"lso/{task}/best") for task in ("expression", "molecule")]
    assert [metric.higher_is_better for metric in found if metric] == [False, True]


def test_other_metrics_are_no_outcomes() -> None:
    assert optimization.described("valid/elbo") is None


def test_other_searches_are_another_fact_of_a_trial() -> None:
    one, other = Optimization(task="expression"), Optimization(task="expression", budget=10)
    assert facts("data", "code", [], one) == facts("data", "code", [], Optimization(task="expression"))
    assert facts("data", "code", [], one) != facts("data", "code", [], other)
