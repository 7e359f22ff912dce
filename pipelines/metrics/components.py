"""Whether components of a prior are classes: every code belongs to the one most likely to have made it."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution, MixtureSameFamily, OneHotCategorical

from methods.core.gaussian_mixture import GaussianMixture
from methods.core.product import Product
from pipelines.metrics.clustering import hungarian_accuracy, majority_accuracy
from pipelines.metrics.subject import Measured, NotMeasurable, Subject

_PER_CLASS = 10  # components; more are no clusters, and any partition so fine is pure
_ROWS = 1000


def component_scores(prior: Distribution, codes: Float[Tensor, "N latent"]) -> Float[Tensor, "N K"] | None:
    """log p(k, z) of every component k of the prior, up to a constant of z; None if the prior has no components.

    Of a `Product` with a category, the components are the categories, and a code has the one at its largest entry.
    """
    if isinstance(prior, GaussianMixture):
        return torch.cat([prior.log_weights + prior.component_log_prob(z) for z in codes.split(_ROWS)])
    if isinstance(prior, MixtureSameFamily):
        weights, parts = prior.mixture_distribution.logits, prior.component_distribution
        return torch.cat([weights + parts.log_prob(z.unsqueeze(1)) for z in codes.split(_ROWS)])
    if isinstance(prior, Product):
        blocks = zip(prior.parts, codes.split(prior.sizes, -1), strict=True)
        return next((z for part, z in blocks if isinstance(part, OneHotCategorical)), None)
    return None


def measure(subject: Subject) -> Measured:
    """Accuracy of the components as clusters of the mean codes, by a one-to-one map and by majority.

    Source: the GMM-DAE paper, section 4 (responsibilities); Makhzani et al. 2016 and Dupont 2018 map by majority.
    """
    labels, prior = subject.labels, subject.method.prior()
    count = _number(prior)
    limit = _PER_CLASS * len(labels.unique())
    if count > limit:
        raise NotMeasurable(f"the prior has {count} components, which are no clusters (at most {limit} are)")
    scores = component_scores(prior, subject.codes) if count > 1 else None
    if scores is None:
        raise NotMeasurable("the prior has no components")
    clusters: Int[Tensor, " N"] = scores.argmax(1)
    values = {
        "component_accuracy": hungarian_accuracy(clusters, labels),
        "component_accuracy_majority": majority_accuracy(clusters, labels),
    }
    return Measured(values, {"components": scores.shape[1], "used": len(clusters.unique()), "rows": len(labels)})


def _number(prior: Distribution) -> int:
    if isinstance(prior, GaussianMixture):
        return len(prior.log_weights)
    if isinstance(prior, MixtureSameFamily):
        return prior.mixture_distribution.logits.shape[-1]
    if isinstance(prior, Product):
        return max((part.event_shape[0] for part in prior.parts if isinstance(part, OneHotCategorical)), default=0)
    return 0
