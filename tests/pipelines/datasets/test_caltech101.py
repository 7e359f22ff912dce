from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import loadmat

from pipelines.datasets import caltech101


@pytest.fixture(scope="module")
def classes(kept: Path) -> dict[str, torch.Tensor]:
    """All training pictures (N, 28, 28) of each class, by the name that the file gives it."""
    split = caltech101.load().data.train
    names = loadmat(caltech101.fetch(caltech101._FILE))["classnames"].ravel()
    return {str(name.item()).lower(): split.x[split.y == label, 0] for label, name in enumerate(names)}


def spread(pictures: torch.Tensor, axis: int) -> float:
    """Standard deviation of where the objects are along an axis, in pixels."""
    weights = pictures.sum((0, 3 - axis)).double()
    where = torch.arange(28)
    mean = (weights * where).sum() / weights.sum()
    return float(((weights * (where - mean) ** 2).sum() / weights.sum()).sqrt())


def test_objects_are_one_and_the_ground_is_zero(classes: dict[str, torch.Tensor]) -> None:
    corners = torch.cat(list(classes.values()))[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.mean() < 0.2


@pytest.mark.parametrize("wide", ["airplanes side 2", "crocodile"])
def test_airplanes_and_crocodiles_are_wide(classes: dict[str, torch.Tensor], wide: str) -> None:
    assert spread(classes[wide], axis=2) > 1.1 * spread(classes[wide], axis=1)


@pytest.mark.parametrize("heavy_above", ["umbrella", "lamp"])
def test_umbrellas_and_lamps_have_their_shade_above(classes: dict[str, torch.Tensor], heavy_above: str) -> None:
    pictures = classes[heavy_above]
    assert pictures[:, :14].mean() > 1.3 * pictures[:, 14:].mean()


def test_values_are_binary(kept: Path) -> None:
    assert np.isin(caltech101.load().data.valid.x.numpy(), (0, 1)).all()
