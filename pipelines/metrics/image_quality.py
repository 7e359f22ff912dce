"""Distances between generated and real images, in the features of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.metrics import classifier, images, inception
from pipelines.metrics.frechet import frechet_distance, kernel_distance
from pipelines.metrics.subject import Measured, NotMeasurable, Subject

_Features = Callable[[Float[Tensor, "B *event"]], Float[Tensor, "B features"]]
_SUBSETS, _SUBSET = 100, 1000


def measure_by_classifier(subject: Subject) -> Measured:
    """`frechet_classifier_*` and `kernel_classifier_*`: in 64 features of a small classifier of the same data.

    They need no download, rank methods on one data set, and say nothing across data sets. They are no FID and no KID.
    """
    _images_only(subject)
    if subject.data.train.y is None:
        raise NotMeasurable("a classifier needs labels, and these data have none")
    network = classifier.trained(subject.data.train, subject.checksum).to(subject.split.grey.device)
    record = {
        "features": classifier.NAME,
        "weights": classifier.fingerprint(network),
        "classifier_accuracy": classifier.accuracy(network, subject.split) if subject.split.y is not None else None,
    }
    return _measured(subject, network.features, ("frechet_classifier", "kernel_classifier"), record)


def measure_by_inception(subject: Subject) -> Measured:
    """`frechet_inception_*`, which is FID, and `kid_*`, with the standard weights.

    Source: Heusel et al. 2017; Binkowski et al. 2018.
    """
    _images_only(subject)
    try:
        network = inception.inception(download=subject.download).to(subject.split.grey.device)
    except BadInput as error:
        raise NotMeasurable(str(error)) from error
    record = {
        "features": "inception-v3 2015-12-05, 2048 pooled",
        "weights": inception.WEIGHTS.sha256,
        "resize": "bilinear to 299, half-pixel centers, 8 bits",
    }
    return _measured(subject, lambda x: inception.features(network, x), ("frechet_inception", "kid"), record)


def _measured(subject: Subject, features: _Features, names: tuple[str, str], record: dict[str, Any]) -> Measured:
    truth = torch.cat([features(batch) for batch in images.real(subject)])
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    made: dict[str, Any] = {}
    for kind in subject.track(list(images.MADE), names[0]):
        frechet, kernel = (f"{name}_{kind}" for name in names)
        try:
            found = torch.cat([features(batch) for batch in images.MADE[kind](subject)])
        except NotMeasurable as reason:
            missing |= {frechet: str(reason), kernel: str(reason)}
            continue
        if not found.isfinite().all():
            missing |= dict.fromkeys((frechet, kernel), "the images are not finite")
            continue
        distance = kernel_distance(truth, found, seed=subject.settings.seed, subsets=_SUBSETS, size=_SUBSET)
        values |= {frechet: frechet_distance(truth, found), kernel: distance.mean}
        made[kind] = {"images": len(found), "kernel_deviation_of_subsets": distance.deviation}
    record |= {"real": f"{subject.settings.split} split, grey", "real_images": len(truth), "generated": made}
    record |= {"generated_as": "means of p(x|z)", "kernel": f"{_SUBSETS} subsets of {min(_SUBSET, len(truth))}"}
    return Measured(values, record, missing)


def _images_only(subject: Subject) -> None:
    event = subject.split.grey.shape[1:]
    if len(event) != 3 or event[0] not in (1, 3):
        raise NotMeasurable("the data are no images of one or three channels")
