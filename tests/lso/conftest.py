from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import methods
from lso.space import LatentSpace
from lso.strings import StringSpace
from methods.core.base import Split
from pipelines import artifact, datasets, domains
from pipelines.sequences.generation import generate
from pipelines.sequences.languages import language
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


@pytest.fixture(scope="session")
def strings() -> list[str]:
    """Distinct random expressions."""
    grammar = language("expression_grammar")
    return list(dict.fromkeys(grammar.write(generate(grammar, 300))))


@pytest.fixture
def small_space() -> StringSpace:
    """The latent space of a VAE with random weights, so large that codes spread about as the prior does."""
    torch.manual_seed(0)
    domain = domains.build("mlp", event=(15, 12), rows=300, classes=0, likelihood="expression_grammar")
    method = methods.build("beta_vae", domain, 8, beta=0.1)
    for parameter in method.encoder.parameters():
        parameter.data.mul_(2)
    return StringSpace(method)
