"""The picture of best scores by calls."""

from __future__ import annotations

import numpy as np
import pytest

from lso.figure import figure
from lso.summary import Runs


def test_one_very_bad_first_call_does_not_set_the_scale():
    curve = np.concatenate([[-40.0], np.linspace(1, 11, 19)])
    runs = [Runs("hybrid", "descriptor", [0], curve[None], [[]], [1.0])]
    (axes,) = figure(runs, [], title="", maximize=True).axes
    assert axes.get_ylim()[0] == pytest.approx(curve[9] - 0.05 * (11 - curve[9]), abs=1e-6)
    assert axes.get_ylim()[1] > 11
