"""How much codes tell about the data, for posteriors of every kind that has a density."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from methods.core.gaussian_mixture import GaussianMixture
from methods.core.losses import has_rate
from pipelines.metrics.subject import Measured, NotMeasurable, Subject

_ROWS = 500


def information(own: Float[Tensor, " N"], mixture: Float[Tensor, " N"]) -> float:
    """I(x; z) = E[log q(z|x) - log q(z)], in nats, of densities at codes z ~ q(z|x).

    Source: Hoffman and Johnson 2016.
    """
    return (own.double() - mixture.double()).mean().item()


def log_aggregate(posteriors: Sequence[Distribution], z: Float[Tensor, "N latent"]) -> Float[Tensor, " N"]:
    """log q(z), q the mixture with equal weights of all rows of `posteriors`, in nats, in double precision."""
    rows = sum(posterior.batch_shape[0] for posterior in posteriors)
    each = [torch.stack([_log_sum(posterior, part) for posterior in posteriors]) for part in z.split(_ROWS)]
    return torch.cat([part.logsumexp(0) for part in each]) - math.log(rows)


def measure(subject: Subject) -> Measured:
    """`mutual_information` over all rows, and He's estimate, averaged over batches of `settings.batch` rows.

    Neither exceeds the logarithm of the number of posteriors in its mixture, but for the noise of sampling; near it,
    an estimate says nothing about the information and all about that number. Both bounds are in the record.

    Source: He et al. 2019, appendix (batches of 50: log 50 = 3.912).
    """
    batch = subject.settings.batch
    posteriors, codes, in_batch = [], [], []
    for rows in subject.split.batches(_ROWS // batch * batch or batch):
        posterior = subject.method.posterior(rows.x, rows.y)
        if not has_rate(posterior):
            raise NotMeasurable("the posterior has no density")
        z = posterior.sample()
        posteriors.append(posterior)
        codes.append((z, posterior.log_prob(z)))
        in_batch.append(_in_batches(posterior, z, batch))
    own = torch.cat([density for _, density in codes])
    steps = subject.track(codes, "mutual_information")
    mixture = torch.cat([log_aggregate(posteriors, z) for z, _ in steps])
    values = {
        "mutual_information": information(own, mixture),
        "mutual_information_batch": information(own, torch.cat(in_batch)),
    }
    bounds = {"bound": math.log(len(own)), "bound_batch": math.log(min(batch, len(own)))}
    return Measured(values, {"rows": len(own), "batch": batch} | bounds)


def _in_batches(posterior: Distribution, z: Float[Tensor, "N latent"], batch: int) -> Float[Tensor, " N"]:
    """log q(z), q the mixture of the batch that a row is in."""
    densities = _log_densities(posterior, z)
    blocks = torch.arange(len(z), device=z.device).split(batch)
    return torch.cat([densities[rows][:, rows].logsumexp(1) - math.log(len(rows)) for rows in blocks])


def _log_sum(posterior: Distribution, z: Float[Tensor, "N latent"]) -> Float[Tensor, " N"]:
    return _log_densities(posterior, z).logsumexp(1)


def _log_densities(posterior: Distribution, z: Float[Tensor, "N latent"]) -> Float[Tensor, "N M"]:
    """log q(z_n | x_m). Of Gaussians by matrix products, in double precision: narrow ones cancel."""
    if isinstance(posterior, Independent) and isinstance(posterior.base_dist, Normal):
        means, scales = posterior.mean.double(), posterior.stddev.double()
        return GaussianMixture(means.new_zeros(len(means)), means, scales).component_log_prob(z.double())
    pairs = z.unsqueeze(1).expand(-1, posterior.batch_shape[0], -1)
    return posterior.log_prob(pairs).double()
