"""Every method on sequences, without a line for it here: what `tests/methods/test_contract.py` does on pictures."""

from __future__ import annotations

import math

import pytest
import torch

import methods
from methods.core.base import Method
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import evaluate
from pipelines.metrics.strings import string_metrics
from pipelines.optimizers import Optimizers
from pipelines.sequences import generation, languages
from pipelines.sequences.networks import mlp
from pipelines.sequences.string_data import dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    rows = generation.generate(languages.language("expression_grammar"), 300)
    return dataset("expression_grammar", *rows.split([200, 50, 50]))


def trained(name: str, data: Dataset) -> Method:
    """After one epoch of small steps, with what the trainer calls before and after."""
    torch.manual_seed(0)
    method = methods.build(name, mlp.MLP(data.event, 200, 0, "expression_grammar"), 6)
    optimizers = Optimizers(method, 1e-3)
    with torch.no_grad():
        method.start_epoch(0, data.data)
    for batch in data.data.train.batches(50):
        for terms, parts in method.updates(batch):
            total = torch.stack(list(terms.values())).sum()
            assert total.isfinite()
            optimizers.step(total, parts)
    method.eval()
    with torch.no_grad():
        method.finish(data.data)
    return method


def needs_labels(name: str) -> bool:
    try:
        methods.build(name, mlp.MLP((15, 12), 200, 0, "expression_grammar"), 6)
    except BadInput as error:
        return "label" in str(error)
    return False


@pytest.mark.parametrize("name", [name for name in methods.names() if not needs_labels(name)])
def test_a_method_learns_from_sequences_as_from_pictures(name: str, data: Dataset) -> None:
    method = trained(name, data)
    assert encode(method, data.data.test).isfinite().all()
    assert all(math.isfinite(value) for value in evaluate(method, data.data.test).values())
    found = string_metrics(method, data.data, rows=20, attempts=2)
    assert found["validity_greedy"] == found["prior_validity"] == 1
