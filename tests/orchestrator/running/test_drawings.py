"""Figures of a trial's method, beside its record."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from orchestrator.records.ledger import DRAWINGS
from orchestrator.running.drawings import draw
from pipelines import figures
from pipelines.datasets.dataset import Dataset
from pipelines.figures.subject import Subject
from pipelines.training import Training
from pipelines.trial import trial

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def subject(digits: Dataset) -> Subject:
    torch.manual_seed(0)
    settings = trial({"data": "digits", "method": "vae", "network": "mlp", "latent": 2, "epochs": 1})
    return Subject(Training(settings, digits, torch.device("cpu")).method.eval(), digits, "vae on digits")


def test_what_is_named_and_applies_is_drawn(subject: Subject, tmp_path: Path) -> None:
    draw(["reconstructions", "training_curves"], subject, tmp_path)  # it has no history, so no curves
    (found,) = (tmp_path / DRAWINGS).iterdir()
    assert found.name == "reconstructions.png"
    assert found.read_bytes().startswith(PNG)


def test_no_names_leave_no_folder(subject: Subject, tmp_path: Path) -> None:
    draw([], subject, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_figure_that_fails_is_told_and_does_not_raise(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no font")

    monkeypatch.setattr(figures, "draw_all", broken)
    with caplog.at_level(logging.WARNING, "orchestrator"):
        draw("all", subject, tmp_path)
    assert "figures of vae on digits cannot be drawn (no font)" in caplog.text
