from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.core.annealing import annealed


@pytest.mark.parametrize("start", [0.0, 0.1, 1.0])
def test_it_grows_in_a_line_and_stays_at_one(start: float) -> None:
    found = [annealed(epoch, start=start, epochs=4) for epoch in range(10)]
    np.testing.assert_allclose(found, [*np.linspace(start, 1, 5), 1, 1, 1, 1, 1])


def test_without_epochs_it_is_one_from_the_beginning() -> None:
    assert annealed(0, start=0.1, epochs=0) == 1


def test_it_may_end_elsewhere_than_at_one() -> None:
    assert [annealed(epoch, start=0.2, epochs=2, end=5.0) for epoch in range(4)] == pytest.approx([0.2, 2.6, 5, 5])
    assert annealed(0, start=0.2, epochs=0, end=5.0) == 5


def test_progress_on_a_device_stays_there() -> None:
    found = annealed(torch.tensor([0.0, 0.5, 3.0, 7.0]), start=0.1, epochs=5, end=1.1)
    torch.testing.assert_close(found, torch.tensor([0.1, 0.2, 0.7, 1.1]))
