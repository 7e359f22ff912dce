"""The table of methods over several data sets."""

from __future__ import annotations

import math
from collections.abc import Mapping

from orchestrator.comparison.aggregate import (
    Scores,
    interquartile_interval,
    interquartile_mean,
    mean_ranks,
    normalized,
    probability_of_improvement,
    rank_test,
)
from orchestrator.comparison.scores import Standing, described, interval_text, values
from orchestrator.comparison.tables import MISSING, Cell, Column, Table

_COLUMNS = (
    Column("method", align="left"),
    Column("mean rank", "by the mean over seeds, 1 the best"),
    Column("IQM", "interquartile mean of normalized values over data sets and seeds"),
    Column("IQM 95%", "stratified bootstrap over seeds"),
    Column("P(first > this)", "probability that a run of the first row is better than one of this row"),
)


def across(standings: Mapping[str, Standing], metric: str, *, mark: str = "") -> Table | None:
    """Methods by what is known of them over all data sets; None where fewer than two of each can be compared.

    Only methods that have finite values of the metric on every data set can be, and a metric with a direction.

    Args:
        standings: the trials that stand for each method, by data set.
        metric: of the test split.
        mark: stands behind every number.
    """
    higher, samples = described(metric).higher_is_better, _samples(standings, metric)
    if higher is None or len(samples) < 2 or len(standings) < 2:
        return None
    samples = normalized(samples, higher_is_better=higher)
    order = sorted(samples, key=lambda name: -interquartile_mean(samples[name]))
    ranks, (test, p) = mean_ranks(samples), rank_test(samples)
    rows = tuple(_row(name, order[0], samples, ranks, mark) for name in order)
    return Table(f"test/{metric} over {len(standings)} data sets", _COLUMNS, rows, _caption(test, p, len(standings)))


def _samples(standings: Mapping[str, Standing], metric: str) -> dict[str, Scores]:
    names = dict.fromkeys(name for standing in standings.values() for name in standing)
    found = {name: [values(one.get(name, ()), metric) for one in standings.values()] for name in names}
    return {
        name: scores
        for name, scores in found.items()
        if all(scores) and all(math.isfinite(value) for sample in scores for value in sample)
    }


def _row(
    name: str, first: str, samples: Mapping[str, Scores], ranks: Mapping[str, float], mark: str
) -> tuple[Cell, ...]:
    scores = samples[name]
    chance = MISSING if name == first else f"{probability_of_improvement(samples[first], scores):.2f}{mark}"
    interval = interval_text(interquartile_interval(scores), 2, mark)
    texts = [name, f"{ranks[name]:.2f}{mark}", f"{interquartile_mean(scores):.2f}{mark}", interval, chance]
    return tuple(map(Cell, texts))


def _caption(test: str, p: float, data: int) -> str:
    found = f"p = {p:.2g}" if data > 2 else "needs three data sets at least"
    return (
        "Values are normalized on every data set: 0 is the mean of its worst method, 1 of its best. IQM: mean of the "
        "middle half of all values over data sets and seeds, 95%: by a bootstrap over seeds within data sets. "
        "P(first > this): probability that a run of the first row is better than one of this row, mean over data sets "
        f"(rliable's definitions, Agarwal et al. 2021). {test} of the ranks: {found}."
    )
