"""What changes the version of a trial's code, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.definition.study import Study
from orchestrator.running import code_version

FILES = {
    "methods/__init__.py": "",
    "methods/core/__init__.py": "",
    "methods/core/losses.py": '"""Losses."""\n\n\ndef rate(x):\n    """In nats."""\n    return 2 * x\n',
    "methods/vae.py": "from methods.core.losses import rate\n",
    "methods/ae.py": "x = 1\n",
    "pipelines/__init__.py": "",
    "pipelines/training.py": "import torch\n\ndef loop():\n    from pipelines import metrics\n",
    "pipelines/metrics/__init__.py": "from pipelines.metrics.evaluate import evaluate\n",
    "pipelines/metrics/evaluate.py": "def evaluate():\n    return 1\n",
    "pipelines/trial.py": "y = 2\n",
    "pipelines/figures.py": "z = 3\n",
    "pipelines/datasets/__init__.py": "",
    "pipelines/datasets/digits.py": "rows = 1\n",
}
VAE = {"method": "vae", "data": "digits", "network": "mlp", "likelihood": None}


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The version after some files of a small project were rewritten."""
    packages = {name: tmp_path / name for name in ("methods", "pipelines")}
    monkeypatch.setattr(code_version, "_PACKAGES", packages)

    def version(changes: dict[str, str] | None = None, settings: dict[str, str | None] = VAE) -> str:
        for name, text in {**FILES, **(changes or {})}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        for cached in (code_version._version, code_version._module, code_version._file):
            cached.cache_clear()
        return code_version.version(settings)

    yield version
    for cached in (code_version._version, code_version._module, code_version._file):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("methods/vae.py", "from methods.core.losses import rate\nx = 2\n"),
        ("methods/core/losses.py", "def rate(x):\n    return 3 * x\n"),
        ("pipelines/training.py", "import torch\n"),
        ("pipelines/metrics/evaluate.py", "def evaluate():\n    return 2\n"),
        ("pipelines/datasets/digits.py", "rows = 2\n"),
    ],
)
def test_code_that_a_trial_runs_changes_the_version(edited: Callable[..., str], name: str, text: str) -> None:
    assert edited() != edited({name: text})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("methods/ae.py", "x = 2\n"),
        ("pipelines/figures.py", "z = 4\n"),
        ("pipelines/datasets/mnist.py", "rows = 9\n"),
        (
            "methods/core/losses.py",
            '"""More losses."""\n\ndef rate(x):  # a comment\n    """In bits."""\n    return (2 * x)\n',
        ),
    ],
)
def test_other_code_words_and_layout_do_not(edited: Callable[..., str], name: str, text: str) -> None:
    assert edited() == edited({name: text})


def test_methods_have_versions_of_their_own(edited: Callable[..., str]) -> None:
    other = {**VAE, "method": "ae"}
    assert edited(settings=other) != edited()
    assert edited({"methods/core/losses.py": ""}, settings=other) == edited(settings=other)


def test_a_share_of_a_data_set_has_the_code_of_the_whole(edited: Callable[..., str]) -> None:
    from pipelines.datasets import shares

    changed = {"pipelines/datasets/digits.py": "rows = 2\n"}
    part = {**VAE, "data": shares.named("digits", 0.5)}
    assert part["data"] != "digits"
    assert edited(settings=part) != edited(changed, settings=part)


def test_the_version_of_a_real_trial_comes_from_its_real_modules() -> None:
    study = Study(data="digits", methods=["vae"], fixed={"network": "mlp"})
    settings = study.trial(next(iter(study.branches)), {}, seed=0).settings()
    modules = code_version._closure(frozenset(["methods.vae", "pipelines.training"]))
    assert {"methods.core.losses", "pipelines.optimizers", "methods.core.base"} <= modules
    assert not any(name.startswith(("orchestrator", "lso")) for name in modules)
    assert code_version.version(settings) == code_version.version(settings | {"seed": 3})
