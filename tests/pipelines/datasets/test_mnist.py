from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from methods.core.base import Data
from pipelines.datasets import digits, mnist


@pytest.fixture(scope="module")
def data(kept: Path) -> Data:
    return mnist.load().data


def test_digits_are_upright_like_those_of_another_data_set(data: Data, likeliest_turn) -> None:
    def means(split) -> np.ndarray:
        return torch.stack([split.grey[split.y == digit].mean(0) for digit in range(10)]).numpy()

    small = adaptive_avg_pool2d(torch.from_numpy(means(data.test)), 8).numpy()
    assert likeliest_turn(small, means(digits.load().data.train)) == "upright"


def test_validation_is_the_end_of_the_training_file(data: Data) -> None:
    assert data.valid.y[:10].tolist() == [3, 8, 6, 9, 6, 4, 5, 3, 8, 4]  # labels 50,000 to 50,009 of the file
