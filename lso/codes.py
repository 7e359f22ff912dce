"""Codes, and the strings that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.float64]
"""Rows (N, latent)."""


class Space(Protocol):
    """Codes and the strings that they stand for."""

    @property
    def latent(self) -> int:
        """Size of a code."""

    def decode(self, codes: Codes) -> list[str]:
        """The string of every code, always the same one."""

    def encode(self, strings: Sequence[str]) -> Codes:
        """The code of every string; NaN for a string that cannot be encoded."""

    def prior(self, count: int, *, seed: int) -> Codes:
        """Draws from the prior."""

    def fragments(self, strings: Sequence[str]) -> NDArray[np.float32]:
        """How often each of some features occurs in each string."""
