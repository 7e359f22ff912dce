"""Whether a reconstruction has the code that it was decoded from."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from methods.core.base import Batch, Method
from pipelines.metrics.subject import Measured, Subject


def reencoding_errors(method: Method, batch: Batch, *, sampled: bool) -> Float[Tensor, " B"]:
    """|z - z'|^2, summed over latent dimensions, in squared units of the codes.

    z is of x and z' of E[x|z]. Both are drawn from their posterior (`sampled`) or are its mean. Draws differ even where
    the reconstruction is perfect: by 2 sum_d sigma_d^2 in expectation.

    Source: the NE-VAE paper, section 4.2 (its squared error).
    """
    posterior = method.posterior(batch.x, batch.y)
    z = posterior.sample() if sampled else posterior.mean
    again = method.posterior(method.decode(z, batch.y), batch.y)
    return (z - (again.sample() if sampled else again.mean)).square().sum(1)


def measure(subject: Subject) -> Measured:
    """Means over rows, of sampled and of mean codes."""
    errors = [
        torch.stack([reencoding_errors(subject.method, batch, sampled=sampled) for sampled in (True, False)])
        for batch in subject.split.batches(1000)
    ]
    sampled, of_means = torch.cat(errors, 1).double().mean(1).tolist()
    return Measured({"reencoding_error": sampled, "reencoding_error_mean": of_means}, {"rows": len(subject.split)})
