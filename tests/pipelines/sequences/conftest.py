"""What tests of sequences share: real strings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _kept(name: str) -> Path:
    root = os.environ.get("LATENT_ORCHESTRA_DATA")
    if not root or not (Path(root) / name).is_file():
        pytest.skip(f"needs {name} in the folder that LATENT_ORCHESTRA_DATA names")
    return Path(root) / name


@pytest.fixture(scope="session")
def expression_lines() -> list[str]:
    """The 100,000 expressions."""
    return _kept("expressions/equation2_15_dataset.txt").read_text().splitlines()


@pytest.fixture(scope="session")
def expression_scores() -> Path:
    """Scores of the 100,000 expressions, as another project computed them."""
    return _kept("expressions/scores_all.npz")


@pytest.fixture(scope="session")
def zinc() -> Path:
    """The folder with ZINC250k and its split."""
    return _kept("zinc/zinc.txt.gz").parent
