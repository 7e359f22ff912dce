"""Accuracy of methods that train an axis of the codes for every class."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipelines.metrics.subject import Measured, NotMeasurable, Subject


def argmax_accuracy(codes: Float[Tensor, "N latent"], labels: Int[Tensor, " N"], classes: int) -> float:
    """Share of rows in [0, 1] whose label is the largest of their code's first `classes` dimensions.

    Source: the Lambda-Hot and K-Means VAE paper, section 4.
    """
    return (codes[:, :classes].argmax(1) == labels).double().mean().item()


def measure(subject: Subject) -> Measured:
    """Of mean codes, and of one sampled code a row. Only methods with class means on axes have it."""
    means = getattr(subject.method, "class_means", None)
    if not isinstance(means, Tensor):
        raise NotMeasurable("the method gives classes no axes")
    labels, classes = subject.labels, len(means)
    drawn = [subject.method.posterior(batch.grey, batch.y).sample() for batch in subject.split.batches(1000)]
    values = {
        "argmax_accuracy": argmax_accuracy(subject.codes, labels, classes),
        "argmax_accuracy_sampled": argmax_accuracy(torch.cat(drawn), labels, classes),
    }
    return Measured(values, {"classes": classes, "rows": len(labels)})
