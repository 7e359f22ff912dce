"""Images that a method makes, a batch at a time, to be compared with real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pipelines.metrics.subject import Subject

_SIZE = 500
Images = Iterator[Float[Tensor, "B *event"]]


def real(subject: Subject) -> Images:
    """Grey rows of the split, a random choice where there are more than `settings.images`."""
    return (batch.grey for batch in subject.some(subject.settings.images).batches(_SIZE))


def samples(subject: Subject) -> Images:
    """E[x|z] of draws z of the prior; methods that are given labels get those of random rows."""
    count = subject.settings.images
    return _decoded(subject, subject.method.prior().sample(torch.Size([count])), _labels_of(subject, count))


def reconstructions(subject: Subject) -> Images:
    """E[x|z] at the mean codes of the rows that `real` has."""
    for batch in subject.some(subject.settings.images).batches(_SIZE):
        codes = subject.method.posterior(batch.grey, batch.y).mean
        yield subject.method.decode(codes, batch.y)


def interpolations(subject: Subject) -> Images:
    """E[x|z] midway between the mean codes of random pairs of rows; where labels are given, the first row's."""
    codes, count = subject.codes, subject.settings.images
    first, second = torch.randint(len(codes), (2, count), device=codes.device)
    labels = None if subject.split.y is None else subject.split.y[first]
    return _decoded(subject, spherical_midpoint(codes[first], codes[second]), labels)


def ex_post(subject: Subject) -> Images:
    """E[x|z] of draws z of the density `ex_post_gmm`, 10 Gaussians fitted to codes of the training rows.

    Source: Ghosh et al. 2020 (RAE), section 4.
    """
    count = subject.settings.images
    return _decoded(subject, subject.ex_post.sample(torch.Size([count])), _labels_of(subject, count))


MADE: dict[str, Callable[[Subject], Images]] = {
    "samples": samples,
    "reconstructions": reconstructions,
    "interpolations": interpolations,
    "ex_post": ex_post,
}
"""Every kind of generated images, named as in `pipelines.metrics.metric.IMAGES`."""


def spherical_midpoint(a: Float[Tensor, "B latent"], b: Float[Tensor, "B latent"]) -> Float[Tensor, "B latent"]:
    """(a + b) / (2 cos(w / 2)), w the angle between a and b: on a sphere around 0, if both are.

    Source: Shoemake 1985 with weight 1/2, as in the RAE's evaluation. Codes that point in opposite directions have no
    such midpoint: the divisor is at least 0.02, so they meet near 0 as they would on a line.
    """
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1).clamp(-1, 1)
    half = ((1 + cosine) / 2).sqrt().clamp_min(0.01)
    return (a + b) / (2 * half.unsqueeze(1))


def _labels_of(subject: Subject, count: int) -> Int[Tensor, " count"] | None:
    labels = subject.split.y
    return None if labels is None else labels[torch.randint(len(labels), (count,), device=labels.device)]


def _decoded(subject: Subject, z: Float[Tensor, "N latent"], y: Int[Tensor, " N"] | None) -> Images:
    for rows in torch.arange(len(z), device=z.device).split(_SIZE):
        yield subject.method.decode(z[rows], None if y is None else y[rows])
