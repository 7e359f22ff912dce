"""Everything that can be measured: groups of metrics that are measured in one go, and the names they go by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from methods.core.errors import unknown
from pipelines.metrics import (
    activity,
    class_axes,
    classification,
    clustering,
    components,
    hub_statistics,
    image_quality,
    log_likelihood,
    mutual_information,
    prior_mismatch,
    reencoding,
    strings,
    training_facts,
)
from pipelines.metrics.evaluate import evaluate
from pipelines.metrics.isolation import isolated
from pipelines.metrics.metric import METRICS
from pipelines.metrics.subject import Measured, Subject


@dataclass(frozen=True)
class Group:
    """Metrics measured together.

    Attributes:
        measure: the measurement. It raises `NotMeasurable` where nothing of it applies.
        settings: which fields of `Settings` it depends on, besides the seed and the split.
    """

    measure: Callable[[Subject], Measured]
    settings: tuple[str, ...] = ()


def _standard(subject: Subject) -> Measured:
    """What training reports as well: `evaluate`."""
    values = evaluate(subject.method, subject.split, seed=subject.settings.seed)
    absent = [name for name, metric in METRICS.items() if metric.group == "standard" and name not in values]
    missing = {name: _ABSENT.get(name, "the data have no labels") for name in absent}
    return Measured(values, {"rows": len(subject.split)}, missing)


_ABSENT = {
    **dict.fromkeys(("rate", "elbo"), "the posterior or the prior has no density"),
    **dict.fromkeys(("bce", "bce_mean", "mse", "mse_mean"), "the data are strings"),
    **dict.fromkeys(("exact_reconstruction", "token_accuracy", "validity_greedy"), "the data are no strings"),
}
"""Why `evaluate` leaves metrics out."""


GROUPS: dict[str, Group] = {
    "standard": Group(_standard),
    "activity": Group(activity.measure),
    "training": Group(training_facts.measure),
    "reencoding": Group(reencoding.measure),
    "strings": Group(strings.measure, ("rows", "attempts")),
    "clusters": Group(clustering.measure),
    "components": Group(components.measure),
    "class_axes": Group(class_axes.measure),
    "prior_mismatch": Group(prior_mismatch.measure),
    "hubs": Group(hub_statistics.measure),
    "mutual_information": Group(mutual_information.measure, ("batch",)),
    "classification": Group(classification.measure),
    "log_likelihood": Group(log_likelihood.measure, ("samples", "rows")),
    "frechet_classifier": Group(image_quality.measure_by_classifier, ("images",)),
    "frechet_inception": Group(image_quality.measure_by_inception, ("images",)),
}
"""Groups by name, the cheap ones first."""


def groups_of(names: Iterable[str]) -> list[str]:
    """The groups that measure what is named, in the order of `GROUPS`.

    Args:
        names: metrics, groups, or `all`.

    Raises:
        BadInput: a name is none of these; the message has the nearest.
    """
    found = set()
    for name in names:
        if name not in METRICS and name not in GROUPS and name != "all":
            raise unknown("metric", name, {*METRICS, *GROUPS, "all"})
        found |= set(GROUPS) if name == "all" else {name if name in GROUPS else METRICS[name].group}
    return [name for name in GROUPS if name in found]


def measure(subject: Subject, group: str) -> Measured:
    """Measure a group: in evaluation mode, without gradients, with random numbers that follow the seed alone.

    Raises:
        NotMeasurable: nothing of the group applies to this method on these data.
    """
    with isolated(subject.method, subject.settings.seed):
        return GROUPS[group].measure(subject)
