"""The subject of figures that a folder holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipelines import artifact
from pipelines.figures.subject import Subject
from pipelines.trial import Trial


def subject(folder: str | Path) -> Subject:
    """The method that was saved in `folder`, its data and, where it was kept, the history of its training.

    Raises:
        BadInput: no saved method there, data that cannot be had, or data that are not those it was trained on.
    """
    found = artifact.load(folder)
    return Subject(found.method, found.dataset(), described(found.trial), history(Path(folder)))


def described(trial: Trial) -> str:
    """A run in a line.

    >>> described(Trial("mnist", "vae"))
    'vae on mnist: gated_mlp, latent 20, 20 epochs, seed 0'
    """
    epochs = f"{trial.epochs} epoch{'s' if trial.epochs > 1 else ''}"
    return f"{trial.method} on {trial.data}: {trial.network}, latent {trial.latent}, {epochs}, seed {trial.seed}"


def history(folder: Path) -> list[dict[str, Any]]:
    """Reports of the training: `history.json` in the folder, or what a sweep keeps beside it; empty where neither is.

    A sweep saves a method in `trials/<identity>/method` and its record in `trials/<identity>/record.json`.
    """
    own, record = folder / "history.json", folder / ".." / "record.json"
    try:
        if own.is_file():
            return list(json.loads(own.read_text()))
        if folder.resolve().name == "method" and record.is_file():
            return list(json.loads(record.read_text())["history"])
    except (OSError, ValueError, KeyError, TypeError):  # figures of the method do not depend on it
        return []
    return []
