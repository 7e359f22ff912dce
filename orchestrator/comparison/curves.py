"""Learning curves of a study's methods: mean and range over the trials that stand for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchestrator.comparison.scores import Standing
from orchestrator.records.connection import answering
from orchestrator.records.location import connect
from orchestrator.records.runs import StudyRuns, history

_CALLS_AT_ONCE = 4


@dataclass(frozen=True)
class Band:
    """A metric over epochs: its mean over runs, lowest and highest; lists of equal length."""

    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


Panel = Mapping[str, Band]
"""One band for each method that has the metric."""


def panels(study: StudyRuns, standing: Standing, uri: str | Mapping[str, str]) -> dict[str, Panel]:
    """The curves of the study's metric, of valid/bce and of valid/elbo, where there are any.

    Args:
        study: says which metric.
        standing: the trials of each method.
        uri: of the MLflow store, or for each run's id that of its own.

    Raises:
        BadInput: a store does not answer.
    """
    stores = {uri} if isinstance(uri, str) else set(uri.values())
    clients = {store: connect(store, create=False) for store in stores}
    chosen = [each.metric for each in study.objectives]
    metrics = list(dict.fromkeys(metric for metric in (*chosen, "valid/bce", "valid/elbo") if metric))
    wanted = [
        (metric, method, trial.run_id)
        for metric in metrics
        for method, trials in standing.items()
        for trial in trials
        if metric in trial.metrics
    ]

    def read(metric: str, method: str, run: str) -> dict[int, float]:
        return history(clients[uri if isinstance(uri, str) else uri[run]], run, metric)

    with answering(" and ".join(sorted(stores))), ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
        found = list(pool.map(lambda want: read(*want), wanted))
    grouped: dict[str, dict[str, list[dict[int, float]]]] = {}
    for (metric, method, _), values in zip(wanted, found, strict=True):
        grouped.setdefault(metric, {}).setdefault(method, []).append(values)
    return {metric: {method: band(runs) for method, runs in by.items()} for metric, by in grouped.items()}


def band(histories: Sequence[Mapping[int, float]]) -> Band:
    """Mean, lowest and highest at the epochs that all histories have. An epoch with a value not finite is left out."""
    common = sorted(set.intersection(*(set(history) for history in histories)))
    rows = {epoch: [history[epoch] for history in histories] for epoch in common}
    rows = {epoch: row for epoch, row in rows.items() if all(map(math.isfinite, row))}
    return Band(
        epochs=tuple(rows),
        mean=tuple(math.fsum(row) / len(row) for row in rows.values()),
        low=tuple(map(min, rows.values())),
        high=tuple(map(max, rows.values())),
    )
