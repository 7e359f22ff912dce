from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from methods.core.distributions import gaussian
from methods.core.mutual_information import mutual_information


def test_it_is_the_mean_log_ratio_to_the_average_density_of_all_rows() -> None:
    posterior = gaussian(torch.randn(20, 6).double())
    torch.manual_seed(3)
    found = mutual_information(posterior).item()
    torch.manual_seed(3)
    z = posterior.sample().numpy()
    means, scales = posterior.mean.numpy(), posterior.stddev.numpy()
    density = np.array([[stats.norm.pdf(code, m, s).prod() for m, s in zip(means, scales, strict=True)] for code in z])
    assert found == pytest.approx(np.log(density.diagonal() / density.mean(1)).mean())


def test_codes_far_apart_tell_which_row_they_are_and_no_more() -> None:
    means = 100 * torch.arange(50).double().unsqueeze(1)
    posterior = gaussian(torch.cat([means, torch.zeros_like(means)], 1))
    assert mutual_information(posterior).item() == pytest.approx(math.log(50))


def test_codes_that_are_the_same_for_all_rows_tell_nothing() -> None:
    assert mutual_information(gaussian(torch.ones(100, 4))).item() == pytest.approx(0, abs=1e-5)


def test_between_gaussians_it_is_the_channels_capacity() -> None:
    """Means ~ N(0, s^2) with noise of variance 1: 1/2 log(1 + s^2)."""
    means = 2 * torch.randn(4_000, 1).double()
    found = mutual_information(gaussian(torch.cat([means, torch.zeros_like(means)], 1)))
    # The log ratio has a standard deviation below 1.5 a row.
    assert found.item() == pytest.approx(0.5 * math.log(5), abs=5 * 1.5 / math.sqrt(4_000))
