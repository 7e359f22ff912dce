from __future__ import annotations

from pipelines.metrics.metric import METRICS


def test_every_metric_is_listed_under_its_name() -> None:
    assert all(name == metric.name for name, metric in METRICS.items())


def test_neither_direction_of_rate_and_active_units_is_better() -> None:
    assert {name for name, metric in METRICS.items() if metric.higher_is_better is None} == {"rate", "active_units"}


def test_descriptions_are_one_line() -> None:
    assert all(metric.description and "\n" not in metric.description for metric in METRICS.values())
