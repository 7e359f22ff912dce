"""How long searches with decoders take, and that the plan of a study has that time in it."""

from __future__ import annotations

import time

import pytest
import torch

from methods.core.base import Method
from methods.core.errors import BadInput
from orchestrator.definition import plan
from orchestrator.definition.optimization import Optimization
from orchestrator.definition.search_seconds import search_seconds
from orchestrator.definition.study import Study
from pipelines import datasets
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training

STUDY = Study(
    data="expressions_tlbo",
    methods=["rae"],
    trials=1,
    seeds=1,
    metric="lso/expression/best",
    mode="min",
    early_stopping=None,
    fixed={"network": "mlp", "latent": 5, "epochs": 1},
)
SHORT = Optimization(task="expression", optimizer="prior", budget=20, batch=10, seeds=1)


@pytest.fixture(scope="module")
def expressions() -> Dataset:
    return datasets.load("expressions_tlbo")


@pytest.fixture(scope="module")
def method(expressions: Dataset) -> Method:
    """Untrained: whatever it writes is an expression, since the grammar says so."""
    return Training(STUDY.trial("rae", {}, seed=0), expressions, torch.device("cpu")).method.eval()


def test_a_short_search_is_timed_as_a_whole_for_every_seed(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.0, 10.0, 13.0])  # of two timings: a few iterations, then all of them
    optimization = SHORT.model_copy(update={"budget": 60, "seeds": 4})
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    assert search_seconds(optimization, method) == 4 * 3.0


def test_a_long_search_is_estimated_from_its_first_iterations(method: Method, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 2.0])
    optimization = SHORT.model_copy(update={"budget": 500, "seeds": 3})
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    assert search_seconds(optimization, method) == pytest.approx(3 * 2.0 * 500 / 50)


def test_of_a_decoder_that_writes_nothing_valid_it_is_the_time_until_a_search_gives_up(
    method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(optimization: Optimization, method: Method) -> dict[str, float]:
        raise BadInput("nothing valid")

    moments = iter([0.0, 2.0])
    monkeypatch.setattr(Optimization, "measure", give_up)
    monkeypatch.setattr(time, "perf_counter", lambda: next(moments))
    assert search_seconds(SHORT.model_copy(update={"budget": 500, "seeds": 3}), method) == 3 * 2.0


def test_searches_are_in_the_time_of_a_trial(expressions: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "search_seconds", lambda optimization, method: 1000.0 * optimization.seeds)
    with_searches = STUDY.model_copy(update={"optimization": SHORT.model_copy(update={"seeds": 2})})
    (found,) = plan.plan(with_searches, {"expressions_tlbo": expressions})
    assert 2000 < found.seconds < 2900
