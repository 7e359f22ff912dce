"""log p(x) of a latent-variable model by importance sampling."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Batch, Method
from methods.core.distributions import Dirac
from methods.core.losses import has_rate
from pipelines.metrics.subject import Measured, NotMeasurable, Subject

_CODES = 5000  # decoded at once
_ROWS = 100


def log_weights(method: Method, batch: Batch, prior: Distribution, samples: int) -> Float[Tensor, "S B"]:
    """log p(x|z) + log p(z) - log q(z|x) in nats at S = `samples` codes z ~ q(z|x) of every row, a chunk at a time."""
    posterior = method.posterior(batch.x, batch.y)
    chunk = max(1, _CODES // len(batch))
    parts = []
    for count in [chunk] * (samples // chunk) + [samples % chunk] * (samples % chunk > 0):
        z = posterior.sample(torch.Size([count]))
        flat = z.flatten(0, 1)
        x = batch.x.expand(count, *batch.x.shape).flatten(0, 1)
        y = None if batch.y is None else batch.y.repeat(count)
        log_joint = method.log_likelihood(x, flat, y) + prior.log_prob(flat)
        parts.append(log_joint.unflatten(0, z.shape[:2]) - posterior.log_prob(z))
    return torch.cat(parts)


def log_mean(log_weights: Float[Tensor, "S B"]) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"]]:
    """log of the mean weight of every row, in nats, and the effective number of samples, (sum w)^2 / sum w^2.

    The first is below log p(x) in expectation, the less so the more samples are effective. Its variance is about
    1 / effective - 1 / S (the delta method).

    Source: Burda et al. 2016, Eq. 8; Kish 1965 for the effective number.
    """
    log_weights = log_weights.double()
    total = log_weights.logsumexp(0)
    effective = (2 * total - (2 * log_weights).logsumexp(0)).exp()
    return total - math.log(len(log_weights)), effective


def measure(subject: Subject) -> Measured:
    """`log_likelihood` and its standard error over rows, of `settings.rows` rows with `settings.samples` codes each.

    The record adds the error that the sampling of codes alone makes and the median effective number of samples: where
    the latter is small, the estimate is far below log p(x).

    Source: Burda et al. 2016, section 5; 5000 samples and all test rows in the literature.
    """
    settings, prior = subject.settings, subject.method.prior()
    split = subject.some(settings.rows)
    (first,) = split.head(1).batches(1)
    probe = subject.method.posterior(first.x, first.y)
    if isinstance(probe, Dirac):
        raise NotMeasurable("the posterior is a single code, so there is nothing to sample")
    if not has_rate(probe) or not has_rate(prior):
        raise NotMeasurable("the posterior or the prior has no density")
    batches = torch.arange(len(split), device=split.x.device).split(_ROWS)
    found = [
        log_mean(log_weights(subject.method, split[index], prior, settings.samples))
        for index in subject.track(batches, "log_likelihood")
    ]
    values = torch.cat([value for value, _ in found])
    effective = torch.cat([count for _, count in found])
    rows = len(values)
    monte_carlo = (1 / effective - 1 / settings.samples).clamp_min(0).sum().sqrt() / rows
    return Measured(
        {"log_likelihood": values.mean().item(), "log_likelihood_error": (values.std() / math.sqrt(rows)).item()},
        {
            "rows": rows,
            "samples": settings.samples,
            "error_of_sampling": monte_carlo.item(),
            "effective_samples": effective.median().item(),
        },
    )
