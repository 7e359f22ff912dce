from __future__ import annotations

import math

import pytest
import torch

import methods
from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines import datasets, networks
from pipelines.metrics import registry
from pipelines.metrics.evaluate import evaluate
from pipelines.metrics.metric import METRICS
from pipelines.metrics.registry import GROUPS, groups_of
from pipelines.metrics.subject import Measured, NotMeasurable, Settings, Subject

NOT_QUICK = ("frechet_classifier", "frechet_inception", "training", "classification")
QUICK = [name for name in GROUPS if name not in (*NOT_QUICK, "strings")]  # what pictures have, and soon


def _method(name: str = "vae") -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1297, classes=10, likelihood="bernoulli")
    return methods.build(name, domain, 12)


def _subject(name: str = "vae", **settings: object) -> Subject:
    data = datasets.load_once("digits").data
    return Subject(_method(name), data, Settings(**{"samples": 20, "rows": 100} | settings))


def _found(name: str, group: str) -> Measured:
    """What is found, or why nothing is."""
    try:
        return registry.measure(_subject(name), group)
    except NotMeasurable as reason:
        return Measured({}, missing={name: str(reason) for name, metric in METRICS.items() if metric.group == group})


@pytest.mark.parametrize(
    "name",
    ["vae", "ae", "vq_vae", "lambda_hot_vae", "hub_vae", "conditional_vae", "gmvae", "joint_vae", "two_stage_vae"],
)
@pytest.mark.parametrize("group", QUICK)
def test_a_group_gives_numbers_of_its_own_or_a_reason(name: str, group: str) -> None:
    own = {metric.name for metric in METRICS.values() if metric.group == group}
    found = _found(name, group)
    assert set(found.values) | set(found.missing) == own
    assert all(math.isfinite(value) for value in found.values.values())
    assert all(found.missing.values())


@pytest.mark.parametrize("group", QUICK)
def test_a_groups_numbers_follow_the_seed_and_not_what_was_measured_before(group: str) -> None:
    subject, alone = _subject("lambda_hot_vae"), _subject("lambda_hot_vae")
    for other in ("standard", "hubs"):
        registry.measure(subject, other)
    torch.randn(7)
    assert registry.measure(subject, group) == registry.measure(alone, group)


def test_measuring_leaves_modes_and_random_numbers_alone() -> None:
    subject = _subject()
    subject.method.train()
    state = torch.get_rng_state()
    for group in QUICK:
        if group not in ("components", "class_axes"):
            registry.measure(subject, group)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(part.training for part in subject.method.modules())


def test_the_standard_group_is_what_training_reports() -> None:
    subject = _subject()
    assert registry.measure(subject, "standard").values == evaluate(subject.method, subject.split)


def test_another_split_gives_its_own_numbers() -> None:
    subject = _subject(split="valid")
    assert registry.measure(subject, "standard").values == evaluate(subject.method, subject.data.valid)


def test_metrics_groups_and_all_name_the_groups_to_measure() -> None:
    assert groups_of(["log_likelihood_error", "hubs"]) == ["hubs", "log_likelihood"]
    assert groups_of(["all"]) == list(GROUPS)
    assert groups_of(["kid_samples"]) == ["frechet_inception"]


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'mutual_information'"):
        groups_of(["mutual_informaton"])


def test_facts_of_training_are_passed_on_and_others_have_a_reason() -> None:
    plain = _subject()
    found = registry.measure(Subject(plain.method, plain.data, facts={"seconds_per_epoch": 2.5}), "training")
    assert found.values == {"seconds_per_epoch": 2.5}
    assert found.missing == {"peak_memory": "training left no record of it"}
    with pytest.raises(NotMeasurable):
        registry.measure(plain, "training")


def test_codes_that_are_not_finite_are_a_reason_and_no_number() -> None:
    subject = _subject("ae")
    torch.nn.init.constant_(next(subject.method.encoder.parameters()), math.nan)
    for group in ("activity", "clusters", "hubs", "prior_mismatch"):
        with pytest.raises(NotMeasurable, match="not finite"):
            registry.measure(subject, group)


@pytest.mark.parametrize("setting", [{"samples": 0}, {"rows": 1}, {"seed": -1}, {"split": "tests"}])
def test_settings_out_of_range_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(BadInput, match=next(iter(setting))):
        Settings(**setting)  # type: ignore[arg-type]
