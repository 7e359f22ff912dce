"""How far codes are, taken together, from the prior that new data are drawn from."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from scipy.stats import ks_2samp
from torch import Tensor

from methods.core.mmd import inverse_multiquadratics, mmd
from pipelines.metrics.subject import Measured, NotMeasurable, Subject

_PAIRS = 2000  # codes and draws in the MMD, which grows with the square


def ks_distances(codes: Float[Tensor, "N latent"], draws: Float[Tensor, "M latent"]) -> Float[Tensor, " latent"]:
    """The Kolmogorov-Smirnov distance in [0, 1] of the two samples in every latent dimension."""
    pairs = zip(codes.double().cpu().numpy().T, draws.double().cpu().numpy().T, strict=True)
    return torch.tensor([ks_2samp(a, b, method="asymp").statistic for a, b in pairs], dtype=torch.double)


def standardized_mmd(codes: Float[Tensor, "N latent"], draws: Float[Tensor, "M latent"]) -> float:
    """Unbiased squared MMD of the two samples after the mean and deviations of `draws` are taken out of both.

    So codes of any scale compare. The kernel is WAE's sum of inverse multiquadratics. About zero where codes follow
    the prior, and then as often below as above.
    """
    center, spread = draws.mean(0), draws.std(0).clamp_min(1e-6)
    return mmd((codes - center) / spread, (draws - center) / spread, inverse_multiquadratics).item()


def measure(subject: Subject) -> Measured:
    """KS distances per dimension and the MMD of one sampled code a row and as many draws of `prior()`.

    The record has every dimension, largest first, and what the KS distance would be in expectation if there were no
    mismatch: 0.8687 sqrt(2 / rows).
    """
    sampled = [subject.method.posterior(batch.x, batch.y).sample() for batch in subject.split.batches(1000)]
    codes = torch.cat(sampled)
    if not codes.isfinite().all():
        raise NotMeasurable("the codes are not finite")
    draws = subject.method.prior().sample(torch.Size([len(codes)]))
    distances = ks_distances(codes, draws).sort(descending=True).values
    some = torch.randperm(len(codes), device=codes.device)[:_PAIRS]
    values = {
        "prior_ks": distances.mean().item(),
        "prior_ks_largest": distances[0].item(),
        "prior_mmd": standardized_mmd(codes[some].double(), draws[some].double()),
    }
    record = {
        "rows": len(codes),
        "rows_mmd": len(some),
        "ks_without_mismatch": math.sqrt(math.pi / 2) * math.log(2) * math.sqrt(2 / len(codes)),
        "ks_of_dimensions": distances.tolist(),
    }
    return Measured(values, record)
