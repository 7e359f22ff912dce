"""How well codes predict classes, by classifiers that learn from the training rows' codes."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from pipelines.metrics.metric import NEIGHBORS
from pipelines.metrics.subject import Measured, NotMeasurable, Subject

_ITERATIONS = 200


def knn_accuracies(
    known: tuple[Float[Tensor, "M latent"], Int[Tensor, " M"]],
    asked: tuple[Float[Tensor, "N latent"], Int[Tensor, " N"]],
    neighbors: tuple[int, ...] = NEIGHBORS,
) -> dict[int, float]:
    """Share of rows in [0, 1] that their k nearest known codes label right, for every k.

    Neighbors are Euclidean and have a vote each; where classes draw, the smallest number wins, as in sklearn.

    Source: the Exemplar VAE's evaluation (k = 3, 5, ..., 15, training and validation rows as the known ones).
    """
    labels, truth = known[1].cpu().numpy(), asked[1].cpu().numpy()
    index = NearestNeighbors(algorithm="brute").fit(known[0].double().cpu().numpy())
    nearest = index.kneighbors(asked[0].double().cpu().numpy(), max(neighbors), return_distance=False)
    votes = np.cumsum(labels[nearest][:, :, None] == np.arange(labels.max() + 1), axis=1, dtype=np.int16)
    return {k: float((votes[:, k - 1].argmax(1) == truth).mean()) for k in neighbors}


def linear_probe(
    known: tuple[Float[Tensor, "M latent"], Int[Tensor, " M"]],
    asked: tuple[Float[Tensor, "N latent"], Int[Tensor, " N"]],
) -> float:
    """Accuracy in [0, 1] of multinomial logistic regression on standardized codes (L2 penalty of weight 1)."""
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=_ITERATIONS))
    with warnings.catch_warnings():  # of separable codes the weights grow forever, and the accuracy does not
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe.fit(_array(known[0]), _array(known[1]))
    return float(probe.score(_array(asked[0]), _array(asked[1])))


def measure(subject: Subject) -> Measured:
    """kNN accuracies and the linear probe. The record says from how many rows, and whether codes are given labels."""
    known, asked = subject.reference, (subject.codes, subject.labels)
    if len(known[0]) < max(NEIGHBORS) or len(known[1].unique()) < 2:
        raise NotMeasurable(f"it takes {max(NEIGHBORS)} training rows and 2 classes")
    values = {f"knn_accuracy_{k}": value for k, value in knn_accuracies(known, asked).items()}
    values["linear_probe"] = linear_probe(known, asked)
    record = {"rows": len(asked[0]), "known_rows": len(known[0]), "codes_see_labels": _see_labels(subject)}
    return Measured(values, record)


def _see_labels(subject: Subject) -> bool:
    """Whether codes change with the label that the encoder is given, which makes classification easier."""
    x, y = subject.split.grey[:100], subject.labels[:100]
    other = (y + 1) % (int(subject.labels.max()) + 1)
    return bool((subject.method.posterior(x, y).mean != subject.method.posterior(x, other).mean).any())


def _array(tensor: Tensor) -> NDArray[np.generic]:
    return tensor.cpu().numpy()
