"""What every number that `evaluate` and `monitor` return means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A number measured on a split.

    Attributes:
        name: its key in what `evaluate` and `monitor` return.
        unit: "" for a number without a unit.
        higher_is_better: None where neither direction is better in itself.
        description: one line for tables.
    """

    name: str
    unit: str
    higher_is_better: bool | None
    description: str


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("bce", "nats", False, "cross-entropy of x under its reconstruction from a sampled code, per image"),
        Metric("bce_mean", "nats", False, "cross-entropy of x under its reconstruction from the mean code, per image"),
        Metric("mse", "", False, "squared error of the reconstruction from a sampled code, mean over values"),
        Metric("mse_mean", "", False, "squared error of the reconstruction from the mean code, mean over values"),
        Metric("reconstruction", "nats", False, "-log p(x|z) at a sampled code; comparable within one likelihood"),
        Metric("rate", "nats", None, "E_q[log q(z|x) - log p(z)] under the method's own prior"),
        Metric("elbo", "nats", True, "-(reconstruction + rate), a lower bound on log p(x)"),
        Metric("active_units", "", None, "latent dimensions whose posterior mean varies over the data"),
        Metric("knn_purity", "%", True, "share of the nearest codes that have the same label"),
        Metric("v_measure", "", True, "agreement of the labels with k-means clusters of the codes, 0 to 1"),
        Metric("accuracy", "", True, "share of rows that the best one-to-one map of clusters to classes labels right"),
    )
}
"""Every metric, by name."""
