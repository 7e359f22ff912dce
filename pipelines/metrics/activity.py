"""How much every latent dimension takes part in the representation."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from pipelines.metrics.subject import Measured, Subject


def activity(codes: Float[Tensor, "N latent"]) -> Float[Tensor, " latent"]:
    """A_d, the variance of the posterior mean over rows, in squared units of the codes, divided by N - 1.

    Source: Burda et al. 2016, section 5.2. A dimension whose A_d exceeds 0.01 counts as active.
    """
    return codes.double().var(0, correction=1)


def effective_dimensions(activity: Float[Tensor, " latent"]) -> float:
    """(sum_d A_d)^2 / sum_d A_d^2: the participation ratio, the latent size where all are alike, 1 where one has all.

    0 where no dimension is active at all.
    """
    squares = activity.square().sum()
    return (activity.sum().square() / squares).item() if squares > 0 else 0.0


def measure(subject: Subject) -> Measured:
    """The mean activity and the number of effective dimensions; the record has every dimension, largest first."""
    found = activity(subject.codes)
    values = {"activity": found.mean().item(), "effective_dimensions": effective_dimensions(found)}
    return Measured(values, {"activities": found.sort(descending=True).values.tolist()})
