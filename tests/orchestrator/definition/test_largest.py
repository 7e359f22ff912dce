"""The configuration of a branch that needs the most memory."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.definition.largest import largest
from orchestrator.definition.study import Study


def found(space: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return largest(Study.model_validate({"data": "digits", "methods": ["vae"], "space": space} | keys), "vae")


@pytest.mark.parametrize(
    ("space", "most"),
    [
        ({"latent": {"low": 4, "high": 48}}, {"latent": 48}),
        ({"batch_size": [64, 512, 128]}, {"batch_size": 512}),
        ({"latent": {"low": 4, "high": 8}, "batch_size": [32]}, {"latent": 8, "batch_size": 32}),
    ],
)
def test_what_is_counted_is_at_the_end_of_its_range(space: dict[str, Any], most: dict[str, Any]) -> None:
    assert found(space) == most


@pytest.mark.parametrize(
    ("space", "usual"),
    [
        ({"epochs": {"low": 5, "high": 200}}, {"epochs": 20}),
        ({"learning_rate": {"low": 1e-4, "high": 1e-2}}, {"learning_rate": 1e-3}),
        ({"precision": ["float32", "bfloat16"], "compile": [False, True]}, {"precision": "float32", "compile": False}),
    ],
)
def test_times_real_numbers_and_names_are_as_in_the_default_configuration(
    space: dict[str, Any], usual: dict[str, Any]
) -> None:
    assert found(space) == usual


def test_where_nothing_is_searched_nothing_is_larger() -> None:
    assert found({}) == {}
