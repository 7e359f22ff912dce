"""Which strings an autoencoder and an optimizer may see before a search begins.

All take scores of which the lowest is the best, and a seed; the same seed gives the same strings. `held_out` is the
default: the other starts follow publications, of which `gvae` shows the answers (the expression task's optimum is in
its public file, with its score).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from methods.core.errors import BadInput, unknown

Scores = NDArray[np.float64]
Rows = NDArray[np.int64]

EXPRESSION_THRESHOLD = 0.05
"""Expressions that score below are the target or nearly so; 4 of the public 100,000 are."""

_PROTECTED = 0.03  # of molecules, the share of the best that `held_out` hides, as `tlbo` does


@dataclass(frozen=True)
class Start:
    """Rows of a list of strings, ascending.

    Attributes:
        autoencoder: what the autoencoder may be trained on, unlabeled.
        optimizer: what the optimizer may see with its scores.
    """

    autoencoder: Rows
    optimizer: Rows


def expression_start(name: str, scores: Scores, *, seed: int = 0) -> Start:
    """The start `name` among expressions.

    - `held_out`: both see everything that scores at least `EXPRESSION_THRESHOLD`.
    - `gvae`: the autoencoder sees everything, the optimizer a random 90 % (Kusner et al. 2017, `run_bo.py`; the seed is
      the number of the simulation).
    - `tripp`: both see 5,000 strings drawn from the worse half (Tripp et al. 2020).
    - `tlbo`: both see the worst 35 % and another 5 % drawn from between the best 3 % and those (Grosnit et al. 2021).

    Raises:
        BadInput: an unknown name, no scores, or scores that are not finite.
    """
    return _start(_EXPRESSIONS, name, scores, seed)


def molecule_start(name: str, scores: Scores, *, seed: int = 0) -> Start:
    """The start `name` among molecules; scores are to be minimized, such as minus the penalized log P.

    - `held_out`: both see everything but the best 3 %.
    - `gvae`: as for expressions.
    - `tripp`: the autoencoder sees everything, the optimizer the best 2,000 and 8,000 random others.
    - `tlbo`: as for expressions.

    Raises:
        BadInput: as `expression_start`.
    """
    return _start(_MOLECULES, name, scores, seed)


def names() -> list[str]:
    """Every start."""
    return sorted(_EXPRESSIONS)


_Choose = Callable[[Scores, np.random.RandomState], tuple[Rows, Rows]]


def _start(known: dict[str, _Choose], name: str, scores: Scores, seed: int) -> Start:
    if name not in known:
        raise unknown("start", name, known)
    if not len(scores) or not np.isfinite(scores).all():
        raise BadInput("a start needs at least one string and finite scores: give invalid strings a finite worst score")
    autoencoder, optimizer = known[name](scores, np.random.RandomState(seed))
    return Start(np.sort(autoencoder), np.sort(optimizer))


def _above_threshold(scores: Scores, random: np.random.RandomState) -> tuple[Rows, Rows]:
    del random
    seen = np.flatnonzero(scores >= EXPRESSION_THRESHOLD)
    return seen, seen


def _without_best(scores: Scores, random: np.random.RandomState) -> tuple[Rows, Rows]:
    del random
    seen = np.argsort(scores, kind="stable")[round(_PROTECTED * len(scores)) :]
    return seen, seen


def _gvae(scores: Scores, random: np.random.RandomState) -> tuple[Rows, Rows]:
    return np.arange(len(scores)), random.permutation(len(scores))[: round(0.9 * len(scores))]


def _tripp_expressions(scores: Scores, random: np.random.RandomState) -> tuple[Rows, Rows]:
    worse = np.argsort(scores, kind="stable")[len(scores) // 2 :]
    seen = random.choice(worse, min(5000, len(worse)), replace=False)
    return seen, seen


def _tripp_molecules(scores: Scores, random: np.random.RandomState) -> tuple[Rows, Rows]:
    best, others = np.split(np.argsort(scores, kind="stable"), [2000])
    drawn = random.choice(others, min(8000, len(others)), replace=False)
    return np.arange(len(scores)), np.concatenate([best, drawn])


def _tlbo(scores: Scores, random: np.random.RandomState) -> tuple[Rows, Rows]:
    order = np.argsort(scores, kind="stable")
    total = len(scores)
    middle, worst = order[round(0.03 * total) : round(0.65 * total)], order[round(0.65 * total) :]
    seen = np.concatenate([worst, random.choice(middle, min(round(0.05 * total), len(middle)), replace=False)])
    return seen, seen


_EXPRESSIONS: dict[str, _Choose] = {
    "held_out": _above_threshold,
    "gvae": _gvae,
    "tripp": _tripp_expressions,
    "tlbo": _tlbo,
}

_MOLECULES: dict[str, _Choose] = {
    "held_out": _without_best,
    "gvae": _gvae,
    "tripp": _tripp_molecules,
    "tlbo": _tlbo,
}
