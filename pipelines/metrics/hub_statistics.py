"""Hubs among codes: few codes that are near to very many, and whether they are of the same class."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.stats import skew
from torch import Tensor

from methods.core.hubs import Neighbors, are_hubs, hubness, nearest
from pipelines.metrics.subject import Measured, NotMeasurable, Subject

_NEIGHBORS = 10


class HubStatistics(NamedTuple):
    """Of N_k, how many of the others have a code among their k nearest.

    Attributes:
        skew: of N_k; 0 without hubs, large with few strong ones.
        hub_share, antihub_share: of codes with N_k > mean + 0.5 standard deviations, and with N_k = 0.
        bad_hubness: mean over hubs of the share of their reverse neighbors with another label; NaN without hubs.
        bad_hub_share: share of hubs most of whose reverse neighbors have another label; NaN without hubs.
    """

    skew: float
    hub_share: float
    antihub_share: float
    bad_hubness: float | None
    bad_hub_share: float | None


def hub_statistics(
    codes: Float[Tensor, "N latent"], labels: Int[Tensor, " N"] | None, k: int = _NEIGHBORS
) -> HubStatistics:
    """Hub statistics of all codes, Euclidean, a code not its own neighbor; without labels no hub is good or bad.

    Source: Radovanovic et al. 2010 (skewness, bad hubness); the Hub-VAE paper, section 3.1 (hubs).
    """
    neighbors = nearest(codes.double().unsqueeze(0), k)
    counts = hubness(neighbors)
    hubs = are_hubs(counts)[0]
    shares = (hubs.double().mean().item(), (counts == 0).double().mean().item())
    skewness = float(skew(counts[0].cpu().numpy()))
    if labels is None:
        return HubStatistics(skewness, *shares, None, None)
    bad = _mismatches(neighbors, labels)[hubs] / counts[0][hubs]
    return HubStatistics(skewness, *shares, bad.mean().item(), (bad > 0.5).double().mean().item())


def measure(subject: Subject) -> Measured:
    """Hub statistics of the mean codes with k = 10 among all rows."""
    codes = subject.codes
    if len(codes) <= _NEIGHBORS:
        raise NotMeasurable(f"it takes more than {_NEIGHBORS} rows")
    found = hub_statistics(codes, subject.split.y)
    values = {"hubness_skew": found.skew, "hub_share": found.hub_share, "antihub_share": found.antihub_share}
    missing = {}
    if found.bad_hubness is None or found.bad_hub_share is None:
        missing = dict.fromkeys(("bad_hubness", "bad_hub_share"), "the data have no labels")
    else:
        values |= {"bad_hubness": found.bad_hubness, "bad_hub_share": found.bad_hub_share}
    return Measured(values, {"neighbors": _NEIGHBORS, "rows": len(codes)}, missing)


def _mismatches(neighbors: Neighbors, labels: Int[Tensor, " N"]) -> Float[Tensor, " N"]:
    """How many of those that have a code among their nearest have another label than it."""
    positions = neighbors.positions[0]
    other = (labels[positions] != labels.unsqueeze(1)).to(neighbors.distances)
    return torch.zeros_like(other[:, 0]).scatter_add_(0, positions.flatten(), other.flatten())
