from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.metrics.active_units import active_units
from pipelines.metrics.activity import activity, effective_dimensions


def test_activity_is_numpys_unbiased_variance() -> None:
    codes = torch.randn(50, 4) * torch.tensor([0.01, 0.1, 1, 10])
    assert activity(codes).numpy() == pytest.approx(np.var(codes.double().numpy(), axis=0, ddof=1))


def test_active_units_are_the_dimensions_with_activity_above_a_hundredth() -> None:
    codes = torch.randn(200, 6) * torch.tensor([0.01, 0.05, 0.5, 1, 2, 0])
    assert active_units(codes) == int((activity(codes) > 0.01).sum()) == 3


@pytest.mark.parametrize(
    ("activities", "dimensions"), [([2.0, 2.0, 2.0], 3.0), ([5.0, 0.0, 0.0], 1.0), ([0.0, 0.0], 0.0), ([1.0, 3.0], 1.6)]
)
def test_effective_dimensions_count_how_many_take_part(activities: list[float], dimensions: float) -> None:
    assert effective_dimensions(torch.tensor(activities)) == pytest.approx(dimensions)
