from __future__ import annotations

from pipelines.metrics.images import MADE
from pipelines.metrics.metric import IMAGES, METRICS
from pipelines.metrics.registry import GROUPS


def test_every_metric_is_listed_under_its_name() -> None:
    assert all(name == metric.name for name, metric in METRICS.items())


def test_neither_direction_of_what_describes_and_does_not_judge_is_better() -> None:
    assert {name for name, metric in METRICS.items() if metric.higher_is_better is None} == {
        *("rate", "active_units", "activity", "effective_dimensions", "mutual_information", "mutual_information_batch"),
        *("log_likelihood_error", "hubness_skew", "hub_share", "antihub_share"),
    }


def test_descriptions_are_one_line() -> None:
    assert all(metric.description and "\n" not in metric.description for metric in METRICS.values())


def test_every_metric_is_of_a_group_that_can_be_measured() -> None:
    assert {metric.group for metric in METRICS.values()} == set(GROUPS)


def test_distances_in_a_classifiers_features_are_never_called_fid_or_kid() -> None:
    ours = [metric for metric in METRICS.values() if metric.group == "frechet_classifier"]
    assert ours
    assert not any(word in f"{metric.name} {metric.description}".lower() for metric in ours for word in ("fid", "kid"))


def test_every_kind_of_generated_images_has_its_metrics() -> None:
    assert list(MADE) == list(IMAGES)
    assert {f"frechet_inception_{kind}" for kind in IMAGES} < set(METRICS)
