"""What is found with a decoder, in a few numbers."""

from __future__ import annotations

import pytest
import torch

from lso.outcome import check, measure
from lso.plan import Plan
from lso.tasks.expression import Expression
from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines import datasets
from pipelines.training import Training
from pipelines.trial import trial

PLAN = Plan("expression", optimizers=("prior",), start="tlbo", budget=30, batch=10, knowledge="black_box", seeds=2)


@pytest.fixture(scope="module")
def method() -> Method:
    """Untrained: whatever it writes is an expression, since the grammar says so."""
    settings = {"data": "expressions_tlbo", "method": "rae", "network": "mlp", "latent": 5, "epochs": 1}
    trained = Training(trial(settings), datasets.load("expressions_tlbo"), torch.device("cpu"))
    return trained.method.eval()


def test_a_search_that_is_not_solved_takes_its_whole_budget(method: Method) -> None:
    found = measure(Expression(), method, PLAN)
    assert found["calls"] == 30
    assert found["valid"] == 1.0


def test_the_best_is_never_worse_than_what_was_known_before(method: Method) -> None:
    task = Expression()
    assert measure(task, method, PLAN)["best"] <= task.start("tlbo", 0).scores.min()


def test_the_same_decoder_has_the_same_outcome(method: Method) -> None:
    assert measure(Expression(), method, PLAN) == measure(Expression(), method, PLAN)


def test_a_solved_task_says_after_how_many_calls(method: Method) -> None:
    class Easy(Expression):
        solved = 10.0  # every score is better

    found = measure(Easy(), method, PLAN)
    assert 1 <= found["calls"] < 30


def test_a_decoder_of_images_is_refused() -> None:
    with pytest.raises(BadInput, match="a decoder of bernoulli writes nothing that the task expression can read"):
        check(Expression(), "bernoulli")
