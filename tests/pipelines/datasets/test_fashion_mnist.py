from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pipelines.datasets import fashion_mnist

TROUSERS, SANDAL, SNEAKER, ANKLE_BOOT = 1, 5, 7, 9


@pytest.fixture(scope="module")
def means(kept: Path) -> dict[int, torch.Tensor]:
    split = fashion_mnist.load().data.test
    return {label: split.grey[split.y == label].mean((0, 1)) for label in range(10)}


def test_trousers_are_tall(means: dict[int, torch.Tensor]) -> None:
    filled = means[TROUSERS] > 0.2
    assert filled.any(1).sum() > 1.5 * filled.any(0).sum()


@pytest.mark.parametrize("shoe", [SANDAL, SNEAKER])
def test_shoes_stand_below_the_middle(means: dict[int, torch.Tensor], shoe: int) -> None:
    rows = means[shoe].sum(1)
    assert (rows * torch.arange(28)).sum() / rows.sum() > 13.5


def test_ankle_boots_have_their_shaft_on_the_right_and_their_toe_on_the_left(means: dict[int, torch.Tensor]) -> None:
    top, bottom = means[ANKLE_BOOT][4:10], means[ANKLE_BOOT][18:24]
    assert top[:, 14:].sum() > 2 * top[:, :14].sum()
    assert bottom[:, :14].sum() > 0.5 * bottom[:, 14:].sum()
