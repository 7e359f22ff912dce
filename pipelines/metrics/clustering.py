"""Whether clusters of codes are classes. Run k-means once, then ask for each measure of agreement."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import v_measure_score
from sklearn.metrics.cluster import contingency_matrix
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.metrics.subject import Measured, Subject


def kmeans_clusters(codes: Float[Tensor, "N latent"], classes: int, *, seed: int = 0) -> Int[Tensor, " N"]:
    """The cluster of every code: the best of 10 runs of k-means, k = `classes`, in double precision.

    Raises:
        BadInput: fewer codes than clusters.
    """
    if len(codes) < classes:
        raise BadInput(f"k-means needs at least {classes} codes, one a class, got {len(codes)}: measure on more rows")
    kmeans = KMeans(classes, n_init=10, random_state=seed)
    with warnings.catch_warnings():  # codes of a collapsed encoder coincide: the measures say so
        warnings.simplefilter("ignore", ConvergenceWarning)
        return torch.from_numpy(kmeans.fit_predict(codes.double().cpu().numpy()).astype(np.int64))


def v_measure(clusters: Int[Tensor, " N"], labels: Int[Tensor, " N"]) -> float:
    """Harmonic mean of homogeneity and completeness, in [0, 1]; 0 if clusters and labels are independent.

    Source: Rosenberg and Hirschberg 2007.
    """
    return float(v_measure_score(labels.cpu().numpy(), clusters.cpu().numpy()))


def hungarian_accuracy(clusters: Int[Tensor, " N"], labels: Int[Tensor, " N"]) -> float:
    """Share of rows labeled right, in [0, 1], by the best one-to-one map between clusters and classes.

    With more clusters than classes, or fewer, the rows of those left over count as wrong.
    """
    counts = _contingency(clusters, labels)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / counts.sum())


def majority_accuracy(clusters: Int[Tensor, " N"], labels: Int[Tensor, " N"]) -> float:
    """Share of rows labeled right, in [0, 1], if every cluster has the label of most of its rows (its purity).

    Several clusters may have one label, so it is never below `hungarian_accuracy`, and it grows with the number of
    clusters.
    """
    counts = _contingency(clusters, labels)
    return float(counts.max(axis=0).sum() / counts.sum())


def measure(subject: Subject) -> Measured:
    """The accuracy by majority of k-means clusters of the mean codes, as many as classes."""
    labels = subject.labels
    clusters = kmeans_clusters(subject.codes, len(labels.unique()), seed=subject.settings.seed)
    return Measured({"accuracy_majority": majority_accuracy(clusters, labels)}, {"rows": len(labels)})


def _contingency(clusters: Int[Tensor, " N"], labels: Int[Tensor, " N"]) -> NDArray[np.int64]:
    """(classes, clusters) numbers of rows."""
    return contingency_matrix(labels.cpu().numpy(), clusters.cpu().numpy())
