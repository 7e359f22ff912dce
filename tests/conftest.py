"""What all tests share: shapes are checked, random numbers are pinned, and nothing leaves this machine."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest
import torch
from jaxtyping import install_import_hook

if TYPE_CHECKING:
    from pipelines.datasets.dataset import Dataset

# Before anything imports Ray or MLflow: no cluster or server that the shell points to, no tokens, no statistics sent.
for _name in ("RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
    os.environ.pop(_name, None)
os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}

# A shell that runs the tests in the background has them, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports the packages: every annotation is checked at every call, the shapes of tensors included.
if importlib.util.find_spec("beartype"):
    install_import_hook(("methods", "pipelines"), "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

torch.set_num_threads(1)  # products this small are slower on several


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same random numbers, whatever ran before it."""
    torch.manual_seed(0)
    np.random.seed(0)


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """No test leaves variables to the next one: MLflow's server sets some in the process it runs in."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def digits() -> Dataset:
    from pipelines import datasets  # not above: the hook comes first

    return datasets.load("digits")


DYING = """
import os, signal
from pathlib import Path
from lso.tasks.branin import Branin

class Dying(Branin):
    def __init__(self, mark):
        self.mark, self.batches = Path(mark), 0

    def score(self, strings):
        self.batches += len(strings) < 20
        if self.batches == 3 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().score(strings)
"""
"""A task that kills its process at the third batch, unless that was done before."""


@pytest.fixture
def dying_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of that task, whose module is in `tmp_path`."""
    (tmp_path / "dying.py").write_text(DYING)
    monkeypatch.syspath_prepend(tmp_path)
    return "dying:Dying"
