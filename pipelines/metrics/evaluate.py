"""All metrics of a method on one split; `METRICS` in `metric.py` says what each is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Batch, Method, Split
from methods.core.errors import BadInput
from methods.core.losses import has_rate, rate
from pipelines.metrics.active_units import active_units
from pipelines.metrics.clustering import hungarian_accuracy, kmeans_clusters, v_measure
from pipelines.metrics.isolation import isolated
from pipelines.metrics.neighbors import knn_purity
from pipelines.metrics.reconstruction import bce, mse
from pipelines.metrics.strings import reconstruction_of_each, writes_strings

_PerRow = dict[str, Float[Tensor, " B"]]


def evaluate(method: Method, split: Split, *, seed: int = 0, size: int = 1000) -> dict[str, float]:
    """Every metric that the method and the split allow, means over the rows of `split`.

    Reconstructions and the rate are of x, what the likelihood sees. The representation that active units, purity and
    clusters are measured on is the posterior mean of the grey images. The rate is under the method's own `prior()`, so
    the elbo is a bound even for methods whose objective is none. Posteriors or priors without a density have neither
    rate nor elbo; data without labels have no purity, V-measure or accuracy. If the codes are not finite, what is
    measured on them is NaN. Strings have shares of what comes back from mean codes in place of distances to
    reconstructions.

    The method is measured on its device in evaluation mode; its modes and torch's random state are left as they were.

    Args:
        method: trained or in training.
        split: on any device.
        seed: of the sampled codes (one a row), of binarization where the split redraws it, and of k-means. The same
            seed and size give the same numbers.
        size: rows in a batch. What does not depend on samples does not depend on it.

    Raises:
        BadInput: fewer than two rows.
    """
    seen = _read(method, split, _at_sample_and_mean, seed=seed, size=size)
    return seen.means | _of_representation(seen.codes, seen.labels) | _of_clusters(seen.codes, seen.labels, seed)


def monitor(method: Method, split: Split, *, seed: int = 0, size: int = 1000, rows: int = 2000) -> dict[str, float]:
    """What is cheap enough for every epoch, on the first `rows` rows: no k-means, no reconstruction from mean codes.

    The other metrics are those of `evaluate`, and equal to it on the same rows.

    Raises:
        BadInput: fewer than two rows.
    """
    seen = _read(method, split.head(rows), _at_sample, seed=seed, size=size)
    return seen.means | _of_representation(seen.codes, seen.labels)


@dataclass(frozen=True)
class _Seen:
    """What one pass over a split has collected: means over rows, and posterior means of the grey rows."""

    means: dict[str, float]
    codes: Float[Tensor, "N latent"]
    labels: Int[Tensor, " N"] | None


def _read(
    method: Method,
    split: Split,
    measure: Callable[[Method, Batch, Distribution, Distribution], _PerRow],
    *,
    seed: int,
    size: int,
) -> _Seen:
    if len(split) < 2:
        raise BadInput(f"metrics need at least 2 rows, got {len(split)}: evaluate on a larger split")
    here = split.to(next(method.parameters()).device)
    measured, codes = [], []
    with isolated(method, seed):
        prior = method.prior()
        for batch in here.batches(size):
            posterior = method.posterior(batch.x, batch.y)
            measured.append(measure(method, batch, posterior, prior))
            same = batch.x is batch.grey
            codes.append(posterior.mean if same else method.posterior(batch.grey, batch.y).mean)
    means = {name: torch.cat([values[name] for values in measured]).double().mean().item() for name in measured[0]}
    return _Seen(means, torch.cat(codes), here.y)


def _at_sample(method: Method, batch: Batch, posterior: Distribution, prior: Distribution) -> _PerRow:
    z = posterior.sample()
    reconstruction = -method.log_likelihood(batch.x, z, batch.y)
    if writes_strings(method):
        values = reconstruction_of_each(method, batch.x.argmax(-1), posterior.mean)
    else:
        mean = method.decode(z, batch.y)
        values = {"bce": bce(batch.x, mean), "mse": mse(batch.x, mean)}
    values["reconstruction"] = reconstruction
    if has_rate(posterior) and has_rate(prior):
        values["rate"] = rate(posterior, prior, z)
        values["elbo"] = -(reconstruction + values["rate"])
    return values


def _at_sample_and_mean(method: Method, batch: Batch, posterior: Distribution, prior: Distribution) -> _PerRow:
    values = _at_sample(method, batch, posterior, prior)
    if writes_strings(method):
        return values
    mean = method.decode(posterior.mean, batch.y)
    return values | {"bce_mean": bce(batch.x, mean), "mse_mean": mse(batch.x, mean)}


def _of_representation(codes: Float[Tensor, "N latent"], labels: Int[Tensor, " N"] | None) -> dict[str, float]:
    finite = bool(codes.isfinite().all())
    values = {"active_units": float(active_units(codes)) if finite else math.nan}
    if labels is not None:
        values["knn_purity"] = knn_purity(codes, labels) if finite else math.nan
    return values


def _of_clusters(codes: Float[Tensor, "N latent"], labels: Int[Tensor, " N"] | None, seed: int) -> dict[str, float]:
    if labels is None:
        return {}
    if not codes.isfinite().all():
        return {"v_measure": math.nan, "accuracy": math.nan}
    clusters = kmeans_clusters(codes, len(labels.unique()), seed=seed)
    return {"v_measure": v_measure(clusters, labels), "accuracy": hungarian_accuracy(clusters, labels)}
