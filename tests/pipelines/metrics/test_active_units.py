from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.core.errors import BadInput
from pipelines.metrics.active_units import active_units


def test_a_dimension_is_active_if_its_unbiased_variance_exceeds_the_threshold() -> None:
    # Two codes at 3 +- a have the unbiased variance 2 a^2 (and the biased a^2): 0.0098, 0.0128, 8 and 0.
    a = torch.tensor([0.07, 0.08, 2.0, 0.0])
    assert active_units(torch.stack([3 + a, 3 - a])) == 2


def test_a_variance_at_the_threshold_is_not_active() -> None:
    codes = torch.tensor([[-1.0], [1.0]])  # variance 2
    assert active_units(codes, threshold=2.0) == 0
    assert active_units(codes, threshold=1.999) == 1


def test_active_units_count_what_numpy_counts() -> None:
    codes = torch.randn(500, 30, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 0, 30)
    expected = int((np.var(codes.numpy(), axis=0, ddof=1) > 0.01).sum())
    assert 0 < expected < 30
    assert active_units(codes) == expected


def test_codes_that_never_vary_are_all_inactive() -> None:
    assert active_units(torch.full((100, 8), 1e3)) == 0


def test_one_code_has_no_variance() -> None:
    with pytest.raises(BadInput, match="at least 2 codes, got 1"):
        active_units(torch.zeros(1, 3))
