"""A small study for measuring, without anything on the screen."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import yaml

from orchestrator import sweep
from pipelines import console


def quiet_study(folder: Path, *, trials: int, epochs: int) -> Path:
    """Run a random search of the VAE on digits in `folder`. Returns the folder of its records."""
    study = {
        "data": "digits",
        "methods": ["vae"],
        "trials": trials,
        "seeds": 1,
        "search": "random",
        "early_stopping": None,
        "fixed": {"network": "mlp", "latent": 10, "epochs": epochs},
        "space": {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
    }
    path = folder / "measured.yaml"
    path.write_text(yaml.safe_dump(study))
    places = ["--results", str(folder), "--tracking-uri", f"sqlite:///{folder}/mlflow.db"]
    with silenced():
        sweep.main([str(path), *places])
    return folder / "measured"


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Nothing on the screen, neither results nor progress."""
    out, err = console.OUT, console.ERR
    console.OUT = console.ERR = console.Console(file=io.StringIO())
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        console.OUT, console.ERR = out, err
