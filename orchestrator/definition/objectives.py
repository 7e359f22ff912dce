"""What a study goes by: one metric or several, and which results are the best by them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Values = Mapping[str, Sequence[float]]
"""A finite value for each objective, by the name of what has them."""

_SEPARATOR = ", "


@dataclass(frozen=True)
class Objective:
    """A metric, and whether more (`max`) or less (`min`) of it is better."""

    metric: str
    mode: str

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.mode == "max" else -1


Objectives = tuple[Objective, ...]


def written(objectives: Objectives) -> tuple[str, str]:
    """Metrics and modes, as tags of a run hold them.

    >>> written((Objective("valid/bce", "min"), Objective("valid/rate", "min")))
    ('valid/bce, valid/rate', 'min, min')
    """
    return _SEPARATOR.join(each.metric for each in objectives), _SEPARATOR.join(each.mode for each in objectives)


def described(objectives: Objectives) -> str:
    """For people.

    >>> described((Objective("valid/bce", "min"), Objective("valid/rate", "min")))
    'valid/bce (min) and valid/rate (min)'
    """
    return " and ".join(f"{each.metric} ({each.mode})" for each in objectives)


def parsed(metrics: str, modes: str) -> Objectives:
    """The inverse of `written`."""
    return tuple(Objective(*pair) for pair in zip(metrics.split(_SEPARATOR), modes.split(_SEPARATOR), strict=True))


def finite(found: Iterable[float | None]) -> tuple[float, ...] | None:
    """The values, or None where one is missing, infinite or not a number."""
    values = tuple(math.nan if value is None else value for value in found)
    return values if all(map(math.isfinite, values)) else None


def best(values: Values, objectives: Objectives, most: int) -> list[str]:
    """The best by one objective; by several the Pareto front, or of a larger one the `most` that cover it best.

    Equals are told apart by their names, so that the order in which they come does not matter.
    """
    if not values:
        return []
    if len(objectives) == 1:
        choose = max if objectives[0].mode == "max" else min
        return [choose(values, key=lambda name: (*values[name], name))]
    ordered = front(values, objectives)
    distances = _crowding([values[name] for name in ordered])
    kept = sorted(ordered, key=lambda name: (-distances[ordered.index(name)], name))[:most]
    return [name for name in ordered if name in kept]


def front(values: Values, objectives: Objectives) -> list[str]:
    """The names that no other one dominates: is as good in every objective and better in one. By the first objective,
    best first."""
    names = sorted(values)
    losses = np.array(
        [[-each.sign * value for each, value in zip(objectives, values[name], strict=True)] for name in names]
    )
    beaten = [((losses <= own).all(axis=1) & (losses < own).any(axis=1)).any() for own in losses]
    kept = [place for place in range(len(names)) if not beaten[place]]
    return [names[place] for place in sorted(kept, key=lambda place: (*losses[place], names[place]))]


def _crowding(points: Sequence[Sequence[float]]) -> list[float]:
    """How far a point's neighbors are apart, in the sum over objectives of shares of the range (Deb et al. 2002): the
    ends infinitely."""
    columns: Float[np.ndarray, "objectives points"] = np.array(points, dtype=float).T
    total = np.zeros(columns.shape[1])
    for column in columns:
        order = np.argsort(column, kind="stable")
        gaps = np.full(len(order), np.inf)
        span = np.ptp(column)
        gaps[1:-1] = (column[order][2:] - column[order][:-2]) / (span or 1.0)
        total[order] += gaps
    return [float(value) for value in total]
