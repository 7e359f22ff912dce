"""What every number that a measurement returns means."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Metric:
    """A number measured on a split.

    Attributes:
        name: its key in what measurements return.
        unit: "" for a number without a unit.
        higher_is_better: None where neither direction is better in itself.
        description: one line for tables.
        group: what is measured in one go with it; one of `pipelines.metrics.registry.GROUPS`.
    """

    name: str
    unit: str
    higher_is_better: bool | None
    description: str
    group: str = ""


NEIGHBORS = (3, 5, 7, 9, 11, 13, 15)
"""How many neighbors vote for the class of a code, in `knn_accuracy`."""

IMAGES = {
    "samples": "decoded draws of the prior",
    "reconstructions": "reconstructions from mean codes",
    "interpolations": "decoded spherical midpoints of random pairs of mean codes",
    "ex_post": "decoded draws of a Gaussian mixture fitted to the training codes",
}
"""Kinds of generated images that are compared with real ones."""


def _group(name: str, *metrics: Metric) -> list[Metric]:
    return [replace(metric, group=name) for metric in metrics]


def _images(frechet: str, kernel: str, features: str) -> list[Metric]:
    """Two distances for every kind of generated images."""
    return [
        metric
        for kind, what in IMAGES.items()
        for metric in _group(
            frechet,
            Metric(f"{frechet}_{kind}", "", False, f"squared Frechet distance to real images, {features}: {what}"),
            Metric(f"{kernel}_{kind}", "", False, f"unbiased cubic-kernel MMD to real images, {features}: {what}"),
        )
    ]


_STANDARD = _group(
    "standard",
    Metric("bce", "nats", False, "cross-entropy of x under its reconstruction from a sampled code, per image"),
    Metric("bce_mean", "nats", False, "cross-entropy of x under its reconstruction from the mean code, per image"),
    Metric("mse", "", False, "squared error of the reconstruction from a sampled code, mean over values"),
    Metric("mse_mean", "", False, "squared error of the reconstruction from the mean code, mean over values"),
    Metric("reconstruction", "nats", False, "-log p(x|z) at a sampled code; comparable within one likelihood"),
    Metric("rate", "nats", None, "E_q[log q(z|x) - log p(z)] under the method's own prior"),
    Metric("elbo", "nats", True, "-(reconstruction + rate), a lower bound on log p(x)"),
    Metric("exact_reconstruction", "", True, "share of strings that the greedy decoding of their mean code equals"),
    Metric("token_accuracy", "", True, "share of a string's symbols that this decoding has at their place"),
    Metric("validity_greedy", "", True, "share of strings whose mean code is greedily decoded into a valid string"),
    Metric("active_units", "", None, "latent dimensions whose posterior mean varies over the data"),
    Metric("knn_purity", "%", True, "share of the nearest codes that have the same label"),
    Metric("v_measure", "", True, "agreement of the labels with k-means clusters of the codes, 0 to 1"),
    Metric("accuracy", "", True, "share of rows that the best one-to-one map of clusters to classes labels right"),
)

_DENSITY = [
    *_group(
        "log_likelihood",
        Metric("log_likelihood", "nats", True, "log p(x) from importance samples of q(z|x), in expectation a bound"),
        Metric("log_likelihood_error", "nats", None, "standard error of log_likelihood as a mean over rows"),
    ),
    *_group(
        "mutual_information",
        Metric("mutual_information", "nats", None, "I(x; z), q(z) the mixture over all rows; at most log(rows)"),
        Metric("mutual_information_batch", "nats", None, "He's I(x; z), q(z) that of a batch; at most log(batch)"),
    ),
    *_group(
        "prior_mismatch",
        Metric("prior_ks", "", False, "Kolmogorov-Smirnov distance of sampled codes and prior, mean over dimensions"),
        Metric("prior_ks_largest", "", False, "the same distance in the dimension where it is largest"),
        Metric("prior_mmd", "", False, "unbiased squared MMD of sampled codes and prior, in the prior's deviations"),
    ),
]

_CODES = [
    *_group(
        "activity",
        Metric("activity", "", None, "variance of the posterior mean over the data, mean over dimensions"),
        Metric("effective_dimensions", "", None, "(sum a)^2 / sum a^2 of the activities a, 1 to the latent size"),
    ),
    *_group(
        "reencoding",
        Metric("reencoding_error", "", False, "|z - z'|^2 of sampled codes, z' of the reconstruction from z"),
        Metric("reencoding_error_mean", "", False, "|z - z'|^2 of mean codes, z' of the reconstruction from z"),
    ),
    *_group(
        "classification",
        *(
            Metric(f"knn_accuracy_{k}", "", True, f"share of rows that their {k} nearest training codes label right")
            for k in NEIGHBORS
        ),
        Metric("linear_probe", "", True, "accuracy of logistic regression from mean codes, fitted on training rows"),
    ),
    *_group(
        "clusters",
        Metric("accuracy_majority", "", True, "share of rows with the commonest label of their k-means cluster"),
    ),
    *_group(
        "components",
        Metric("component_accuracy", "", True, "accuracy of the prior's components as clusters, one-to-one map"),
        Metric("component_accuracy_majority", "", True, "the same, every component with its commonest label"),
    ),
    *_group(
        "class_axes",
        Metric(
            "argmax_accuracy", "", True, "share of rows whose label is the largest of the class axes of the mean code"
        ),
        Metric("argmax_accuracy_sampled", "", True, "the same of sampled codes"),
    ),
    *_group(
        "hubs",
        Metric("hubness_skew", "", None, "skewness of N_10, how many codes have a code among their 10 nearest"),
        Metric("hub_share", "", None, "share of codes that are hubs: N_10 > mean + 0.5 standard deviations"),
        Metric("antihub_share", "", None, "share of codes with N_10 = 0"),
        Metric("bad_hubness", "", False, "share of a hub's reverse neighbors with another label, mean over hubs"),
        Metric("bad_hub_share", "", False, "share of hubs most of whose reverse neighbors have another label"),
    ),
]

_STRINGS = _group(
    "strings",
    Metric("validity_sampled", "", True, "share of mean codes whose first random decoding is valid"),
    Metric("validity_attempts", "", True, "share of mean codes of whose random decodings (--attempts) one is valid"),
    Metric("prior_validity", "", True, "share of greedily decoded draws of the prior that are valid"),
    Metric("uniqueness", "", True, "share of distinct ones among the valid draws of the prior"),
    Metric("novelty", "", True, "share of the distinct valid draws of the prior that are no training string"),
)

_IMAGES = [
    *_images("frechet_classifier", "kernel_classifier", "features of a classifier of these data"),
    *_images("frechet_inception", "kid", "features of Inception (FID, KID)"),
]

_TRAINING = _group(
    "training",
    Metric("seconds_per_epoch", "s", False, "training time of an epoch, mean"),
    Metric("peak_memory", "MiB", False, "largest memory in training: the GPU's where one was used, else the process's"),
)

METRICS: dict[str, Metric] = {
    metric.name: metric for metric in [*_STANDARD, *_DENSITY, *_CODES, *_STRINGS, *_IMAGES, *_TRAINING]
}
"""Every metric, by name. Those of the group `standard` are what `evaluate` returns."""
