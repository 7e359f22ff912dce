"""Which training rows are good hubs: neighbors in groups of rows, a score for the hubs among them, a filter."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.core import hubs
from methods.core.base import Decoder, Split

Worth = Callable[[Tensor, Tensor], Tensor]
"""(n,) rows and (n, k) neighbors of each to (n, k): log of what every neighbor is worth, as seen from the row."""


@dataclass(frozen=True)
class Selection:
    """How hubs are found and which are kept. HubVAE's hyperparameters of the same names explain them.

    Attributes:
        filter: `text`, `alg1`, `alg1_nll` or `none`.
        score: `geometric` or `product`.
        floor: with `text`, the least number kept, as far as there are hubs.
        group: rows among which neighbors are sought; 0 is all.
        neighbors: k.
    """

    filter: str
    score: str
    floor: int
    group: int
    neighbors: int


def good_hubs(
    decoder: Decoder, train: Split, codes: Float[Tensor, "N two_latent"], selection: Selection
) -> Int[Tensor, " P"]:
    """The hubs that the selection keeps; none only where there are none at all.

    Args:
        codes: means and standard deviations of all rows, side by side.
    """
    log_prob = decoded_log_prob(decoder, train, codes)
    values = math.prod(train.x.shape[1:])

    def worth(rows: Int[Tensor, " n"], neighbors: Int[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        found = log_prob(rows, neighbors)
        if selection.filter == "alg1_nll":
            return (-found).clamp_min(1e-12).log()
        return found / values if selection.score == "geometric" else found

    groups = random_groups(len(train), selection.group or len(train), codes.device)
    rows, scores = scored_hubs(codes, groups, selection.neighbors, worth)
    return kept(rows, scores, selection.filter, selection.floor)


def random_groups(total: int, size: int, device: torch.device) -> Iterator[Int[Tensor, "_ _"]]:
    """All of `total` rows in random order, in groups of `size`; one or two rows left over make no group."""
    order = torch.randperm(total, device=device)
    whole = total - total % min(size, total)
    yield order[:whole].view(-1, min(size, total))
    if total - whole > 2:
        yield order[whole:].unsqueeze(0)


def scored_hubs(
    codes: Float[Tensor, "N coordinates"], groups: Iterable[Int[Tensor, "_ _"]], k: int, worth: Worth
) -> tuple[Int[Tensor, " H"], Float[Tensor, " H"]]:
    """The rows that are hubs of their group, and their goodness in units of the best of them."""
    rows, scores = [], []
    for group in groups:
        near = hubs.nearest(codes[group], min(k, group.shape[1] - 1))
        chosen = hubs.are_hubs(hubs.hubness(near))
        neighbors = group.gather(1, near.positions.flatten(1)).view(group.numel(), -1)
        values = worth(group.flatten(), neighbors).view_as(near.distances)
        rows.append(group[chosen])
        scores.append(hubs.log_goodness(near, values)[chosen])
    logarithms = torch.cat(scores)
    return torch.cat(rows), (logarithms - logarithms.max()).exp() if len(logarithms) else logarithms


def decoded_log_prob(decoder: Decoder, train: Split, codes: Float[Tensor, "N two_latent"]) -> Worth:
    """log p(x_h | z_r) of every neighbor h of a row r, z_r drawn from the Gaussian that `codes` keeps for r.

    `codes` are means and standard deviations side by side. The rows x are read once, as in training.
    """
    x = train[torch.arange(len(train), device=codes.device)].x

    def worth(rows: Int[Tensor, " n"], neighbors: Int[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        means, stddevs = codes[rows].chunk(2, 1)
        z = means + stddevs * torch.randn_like(means)
        found = []
        for some, code in zip(neighbors.split(200), z.split(200), strict=True):
            # index_select, as it is several times as fast as indexing
            others = x.index_select(0, some.flatten()).unflatten(0, some.shape)
            found.append(decoder.log_prob_of_each(others, code))
        return torch.cat(found)

    return worth


def kept(rows: Int[Tensor, " H"], scores: Float[Tensor, " H"], rule: str, floor: int) -> Int[Tensor, " P"]:
    """What the rule leaves of `rows`, or all if nothing: `text` the good, `none` all, other rules the others."""
    if rule == "none" or not len(rows):
        return rows
    chosen = rows[hubs.good(scores, floor) if rule == "text" else ~hubs.passing(scores)]
    return chosen if len(chosen) else rows
