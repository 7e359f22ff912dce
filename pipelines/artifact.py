"""Trained methods on disk: `trial.json`, what it is, beside `method.safetensors`, what it learned. No pickle."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines import datasets, domains
from pipelines.datasets.dataset import Dataset
from pipelines.trial import Trial
from pipelines.trial import trial as checked

_LIBRARIES = ("latent-orchestra", "torch", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Saved:
    """A trained method with its record.

    Attributes:
        method: in evaluation mode, on the CPU.
        trial: the run that trained it.
        facts: of the data: event, rows, classes, likelihood.
        checksum: of the data.
        versions: of the libraries it was trained with.
    """

    method: Method
    trial: Trial
    facts: dict[str, Any]
    checksum: str
    versions: dict[str, str]

    def dataset(self) -> Dataset:
        """The data that the method was trained on, as it saw them.

        Raises:
            BadInput: they cannot be had, or are not the same any more.
        """
        found = datasets.load(self.trial.data)
        if found.checksum != self.checksum:
            raise BadInput(
                f"the data set {self.trial.data!r} on this machine is not the one that the method was trained on "
                f"(checksum {found.checksum}, not {self.checksum}): use the files and the version that it was trained "
                "with"
            )
        return replace(found, data=self.trial.rows(found))


def save(folder: Path, trial: Trial, method: Method, dataset: Dataset) -> None:
    """Write `method` into `folder`, beside whatever else is there. `load` finds it whole or not at all.

    Raises:
        BadInput: the folder cannot be written.
    """
    facts = {
        "event": list(dataset.event),
        "rows": len(dataset.data.train),
        "classes": dataset.classes,
        "likelihood": trial.likelihood or dataset.likelihood,
    }
    record = {"trial": trial.settings(), "facts": facts, "checksum": dataset.checksum, "versions": versions()}
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in method.state_dict().items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".draft-", dir=folder) as name:
            draft = Path(name)
            (draft / "trial.json").write_text(json.dumps(record, indent=1))
            save_file(state, draft / "method.safetensors")
            (draft / "method.safetensors").chmod((draft / "trial.json").stat().st_mode)  # else for the owner alone
            (folder / "trial.json").unlink(missing_ok=True)  # without it, nothing is saved here
            os.replace(draft / "method.safetensors", folder / "method.safetensors")
            os.replace(draft / "trial.json", folder / "trial.json")
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"cannot write the trained method to {folder}: {reason}") from error


def load(folder: str | Path) -> Saved:
    """The method that `save` wrote.

    Raises:
        BadInput: no saved method there, or one that is damaged.
    """
    folder = Path(folder)
    path = folder / "trial.json"
    if not path.is_file():
        raise BadInput(f"no saved method in {folder}: it must hold trial.json and method.safetensors")
    try:
        record = json.loads(path.read_text())
        state = load_file(folder / "method.safetensors")
        trial = checked(record["trial"])
        facts = record["facts"]
        built = domains.build(trial.network, **(facts | {"event": tuple(facts["event"])}))
        method = trial.build(built)
        method.load_state_dict(state)
        return Saved(method.eval(), trial, facts, record["checksum"], record["versions"])
    except BadInput as error:
        raise BadInput(f"the saved method in {folder} is of another version: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise BadInput(f"the saved method in {folder} is damaged or of another version: {reason}") from error


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _LIBRARIES}


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a run in progress, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    torch.save(state, draft)
    os.replace(draft, path)


def load_state(path: Path) -> dict[str, Any] | None:
    """What `save_state` wrote, on the CPU, or None where nothing was or it cannot be read."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, LookupError, UnpicklingError):
        return None
