"""The page of all methods says what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import methods
from pipelines.datasets.dataset import Dataset
from pipelines.method_pages import facts, page

ROOT = Path(__file__).parents[2]
RATIOS = json.loads((ROOT / "benchmarks" / "epoch_seconds.json").read_text())


@pytest.fixture(scope="module")
def text() -> str:
    return page(RATIOS)


def test_the_page_that_ships_is_up_to_date(text: str) -> None:
    assert (ROOT / "docs" / "methods.md").read_text() == text, "run: make docs"


@pytest.mark.parametrize("name", methods.names())
def test_every_method_has_a_row_and_a_section(name: str, text: str) -> None:
    assert text.count(f"| [`{name}`](#{name}) |") == text.count(f"\n## {name}\n") == 1


def test_the_cost_of_every_method_was_measured() -> None:
    assert set(RATIOS) == set(methods.names())


@pytest.mark.parametrize(
    ("name", "posterior", "prior", "labels"),
    [
        ("vae", "diagonal Gaussian", "diagonal Gaussian", False),
        ("rae", "a point", "Gaussian, fitted", False),
        ("vamp_prior", "diagonal Gaussian", "mixture of Gaussians", False),
        ("lambda_hot_vae", "diagonal Gaussian", "mixture of Gaussians", True),
        ("joint_vae", "Gaussian and a category", "Gaussian and a category", False),
    ],
)
def test_what_a_method_is_was_found_by_building_it(
    name: str, posterior: str, prior: str, labels: bool, digits: Dataset
) -> None:
    found = facts(name, digits)
    assert (found.posterior, found.prior, found.labels) == (posterior, prior, labels)


def test_a_hyperparameter_is_in_its_table_with_its_meaning(text: str) -> None:
    assert "| `beta` | 5.0 | 0.1 … 10 (log) |" in text
    assert "| `wrong` |" not in text


def test_methods_that_were_not_timed_have_no_figure() -> None:
    assert "| diagonal Gaussian | diagonal Gaussian |  |  | Kingma and Welling 2014 |" in page({})
