from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from lso.space import LatentSpace
from methods.core.base import Split
from pipelines import artifact, datasets
from pipelines.training import Training
from pipelines.trial import trial


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VAE trained on the digits for a few epochs, saved."""
    dataset = datasets.load("digits")
    settings = {"method": "vae", "data": "digits", "network": "mlp", "latent": 8, "epochs": 8, "batch_size": 50}
    training = Training(trial(settings), dataset, torch.device("cpu"))
    while not training.done:
        training.epoch()
    training.finish()
    folder = tmp_path_factory.mktemp("trained") / "method"
    artifact.save(folder, training.trial, training.method, dataset)
    return folder


@pytest.fixture
def space(folder: Path) -> LatentSpace:
    return LatentSpace.load(folder)


@pytest.fixture(scope="session")
def split() -> Split:
    return datasets.load("digits").data.test


@pytest.fixture
def expression_file() -> Path:
    """The 100,000 expressions."""
    root = os.environ.get("LATENT_ORCHESTRA_DATA")
    path = Path(root or "") / "expressions/equation2_15_dataset.txt"
    if not root or not path.is_file():
        pytest.skip("needs expressions in the folder that LATENT_ORCHESTRA_DATA names")
    return path
