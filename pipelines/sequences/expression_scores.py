"""Scores of expressions on the task of Kusner et al. 2017, computed once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from pipelines import console
from pipelines.grammar.arithmetic import evaluate
from pipelines.sequences import cache

POINTS = np.linspace(-10, 10, 1000)
"""Where expressions are compared with the target."""

TARGET = 1 / 3 + POINTS + np.sin(POINTS * POINTS)
"""The values to be found."""

WORST = float(np.log1p(1000))
"""The score of an expression with values that are not finite, and the highest there is."""


def score(rules: bytes) -> float:
    """log(1 + mean_i min((f(x_i) - t(x_i))^2, 1000)), in [0, `WORST`], of a derivation; lower is better.

    The limit holds for every point before the mean; division is true division. An expression with an undefined value
    is among the worst.
    """
    with np.errstate(all="ignore"):
        errors = np.square(evaluate(rules, POINTS) - TARGET)
    return WORST if np.isnan(errors).any() else float(np.log1p(np.minimum(errors, 1000).mean()))


def scores(name: str, sequences: UInt8[Tensor, "N length"], strings: Sequence[str]) -> NDArray[np.float64]:
    """The scores of many expressions, from the cache where they were computed before.

    Args:
        name: of the data.
        strings: what the sequences stand for: scores are kept under these.
    """

    def compute() -> cache.Arrays:
        with console.progress() as bar:
            rows = bar.track([row.tobytes() for row in sequences.numpy()], description=f"scoring {name}")
            return {"scores": np.array([score(row) for row in rows])}

    return cache.kept(f"{name}-scores", strings, compute)["scores"].astype(np.float64)
