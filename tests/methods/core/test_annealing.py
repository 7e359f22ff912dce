from __future__ import annotations

import numpy as np
import pytest

from methods.core.annealing import annealed


@pytest.mark.parametrize("start", [0.0, 0.1, 1.0])
def test_it_grows_in_a_line_and_stays_at_one(start: float) -> None:
    found = [annealed(epoch, start=start, epochs=4) for epoch in range(10)]
    np.testing.assert_allclose(found, [*np.linspace(start, 1, 5), 1, 1, 1, 1, 1])


def test_without_epochs_it_is_one_from_the_beginning() -> None:
    assert annealed(0, start=0.1, epochs=0) == 1
