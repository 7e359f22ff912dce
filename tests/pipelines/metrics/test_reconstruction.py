from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from pipelines.metrics.reconstruction import bce, mse


def _images(rows: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.rand(rows, 1, 8, 8), torch.rand(rows, 1, 8, 8)


def test_bce_is_torchs_summed_over_an_image() -> None:
    x, mean = _images()
    expected = [F.binary_cross_entropy(mean[i], x[i], reduction="sum").item() for i in range(len(x))]
    torch.testing.assert_close(bce(x, mean), torch.tensor(expected))


def test_bce_of_saturated_probabilities_is_torchs_too() -> None:
    x = torch.tensor([[0.0], [1.0], [0.0], [1.0], [0.5], [0.5]])
    mean = torch.tensor([[0.0], [1.0], [1.0], [0.0], [0.0], [1.0]])
    assert bce(x, mean).tolist() == F.binary_cross_entropy(mean, x, reduction="none").sum(1).tolist()
    assert bce(x, mean).tolist() == [0, 0, 100, 100, 50, 50]


def test_bce_of_probabilities_one_half_is_log_2_a_value() -> None:
    x = torch.rand(5, 3, 4, 4, dtype=torch.double)
    torch.testing.assert_close(bce(x, torch.full_like(x, 0.5)), torch.full((5,), 48 * math.log(2)).double())


def test_bce_of_what_is_no_probability_is_nan() -> None:
    assert bce(torch.tensor([[1.0], [1.0]]), torch.tensor([[1.5], [math.nan]])).isnan().all()


def test_mse_is_the_mean_over_the_values_of_an_image() -> None:
    x, mean = _images()
    expected = [F.mse_loss(mean[i], x[i]).item() for i in range(len(x))]
    torch.testing.assert_close(mse(x, mean), torch.tensor(expected))
