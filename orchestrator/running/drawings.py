"""Figures of a trial's method, drawn where it was trained and kept beside its record."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from orchestrator.records.ledger import DRAWINGS
from pipelines import figures
from pipelines.figures.subject import Subject

_LOG = logging.getLogger(__name__)


def draw(names: str | Sequence[str], subject: Subject, folder: Path) -> None:
    """Draw what applies of `names` into the trial's `folder`; of `all`, every figure.

    It never raises: a figure that cannot be drawn must not cost the trial, which has been trained. The command
    `python -m pipelines.figures` draws it later, and says what is wrong.
    """
    try:
        _draw(names, subject, folder / DRAWINGS)
    except Exception as error:
        _LOG.warning("figures of %s cannot be drawn (%s)", subject.title, error)


def _draw(names: str | Sequence[str], subject: Subject, folder: Path) -> None:
    if not names:
        return
    found = figures.draw_all(subject, only=None if names == "all" else names)
    folder.mkdir(exist_ok=True)
    for name, figure in found.figures.items():
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
