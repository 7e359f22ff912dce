"""What tests of data sets share: where the files are, and which way is up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

Pictures = NDArray[np.floating]
Turn = Callable[[Pictures], Pictures]

TURNS: dict[str, Turn] = {
    "upright": lambda x: x,
    "turned left": lambda x: np.rot90(x, 1, (-2, -1)),
    "upside down": lambda x: np.rot90(x, 2, (-2, -1)),
    "turned right": lambda x: np.rot90(x, 3, (-2, -1)),
    "mirrored": lambda x: x[..., ::-1],
    "mirrored and upside down": lambda x: x[..., ::-1, :],
    "transposed": lambda x: np.swapaxes(x, -2, -1),
    "transposed the other way": lambda x: np.rot90(x, 2, (-2, -1)).swapaxes(-2, -1),
}


@pytest.fixture(scope="session")
def kept() -> Path:
    """The folder that holds the data files; without it, the test is skipped."""
    root = os.environ.get("LATENT_ORCHESTRA_DATA")
    if not root:
        pytest.skip("needs data files: set LATENT_ORCHESTRA_DATA to the folder that holds them")
    return Path(root)


@pytest.fixture(scope="session")
def likeliest_turn() -> Callable[[Pictures, Pictures], str]:
    """Of the eight ways to turn and mirror square pictures, the one that correlates best with a reference."""

    def turn(pictures: Pictures, reference: Pictures) -> str:
        def likeness(name: str) -> float:
            return float(np.corrcoef(TURNS[name](pictures).ravel(), reference.ravel())[0, 1])

        return max(TURNS, key=likeness)

    return turn
