"""Hubs among the codes of training rows, bad ones marked."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from matplotlib.figure import Figure
from torch import Tensor

from methods.core import hubs
from methods.core.base import Method, Split
from methods.core.codes import encode
from methods.core.errors import BadInput
from methods.hub_vae import HubVAE
from pipelines.figures.sheet import Block, sheet
from pipelines.figures.subject import Subject

_NEIGHBORS = 10
_MOST_ROWS = 10_000  # whose distances take a few seconds
_COLUMNS = 10


class Gallery(NamedTuple):
    """Hubs, the strongest first.

    Attributes:
        rows: of each hub in its split.
        hubness: N_k, of how many rows each is among the k nearest.
        mismatch: share of these rows that have another label, in [0, 1].
    """

    rows: Int[Tensor, " H"]
    hubness: Float[Tensor, " H"]
    mismatch: Float[Tensor, " H"]

    @property
    def bad(self) -> Bool[Tensor, " H"]:
        """Hubs that more than half of the rows whose neighbor they are do not share the label of."""
        return self.mismatch > 0.5


def of(subject: Subject) -> Figure:
    """The strongest hubs among the codes (posterior means) of the first 10,000 training rows, and the worst.

    Raises:
        BadInput: data without labels, data that are no images, or codes without hubs.
    """
    split = subject.dataset.data.train.head(_MOST_ROWS).to(subject.device)
    found = gallery(encode(subject.method, split), _labels(split))
    title = f"{int(found.bad.sum()):,} of {len(found.rows):,} hubs among {len(split):,} training codes are bad"
    return draw(split.grey[found.rows], found, title=subject.named(title + _kept(subject.method, found)))


def draw(images: Float[Tensor, "H *event"], found: Gallery, *, title: str) -> Figure:
    """Two blocks, the 20 strongest hubs and the 20 with most mismatches, each hub with N_k and its share of mismatches.

    Bad hubs are framed, with a cross.

    Raises:
        BadInput: data that are no images, or no hubs.
    """
    if not len(images):
        raise BadInput("there are no hubs to show")
    strongest = torch.arange(len(images), device=images.device)[: 2 * _COLUMNS]
    worst = found.mismatch.argsort(descending=True, stable=True)[: 2 * _COLUMNS]
    names = "The strongest hubs", "The worst hubs"
    blocks = [_block(images, found, each, name) for each, name in zip((strongest, worst), names, strict=True)]
    first, *rest = title.splitlines()
    note = f"below each: of how many codes it is among the {_NEIGHBORS} nearest · share of these with another label"
    return sheet("\n".join([first, f"{note}; bad, framed: more than half", *rest]), *blocks)


def gallery(codes: Float[Tensor, "N latent"], labels: Int[Tensor, " N"]) -> Gallery:
    """Points with N_k > mean + 0.5 std among all, k = 10 or as many as there are.

    Source: Hub-VAE, section 3.1 (hubs); Radovanovic et al. 2010, section 4 (bad k-occurrences).

    Raises:
        BadInput: fewer than three codes.
    """
    if len(codes) < 3:
        raise BadInput(f"hubs need at least 3 codes, got {len(codes)}: take more rows")
    near = hubs.nearest(codes.unsqueeze(0), min(_NEIGHBORS, len(codes) - 1))
    counts = hubs.hubness(near)
    others = (labels[near.positions[0]] != labels.unsqueeze(1)).to(codes)
    mismatches = torch.zeros_like(counts[0]).index_add_(0, near.positions.flatten(), others.flatten())
    (rows,) = hubs.are_hubs(counts)[0].nonzero(as_tuple=True)
    rows = rows[counts[0, rows].argsort(descending=True, stable=True)]
    return Gallery(rows, counts[0, rows], mismatches[rows] / counts[0, rows])


def _labels(split: Split) -> Int[Tensor, " N"]:
    if split.y is None:
        raise BadInput("bad hubs are told by labels, and these data have none")
    return split.y


def _kept(method: Method, found: Gallery) -> str:
    """How many of the hubs a Hub-VAE has in its pool."""
    if not isinstance(method, HubVAE):
        return ""
    kept = torch.isin(found.rows, method.pool[: int(method.pool_size)])
    bad = int((kept & found.bad).sum())
    return f"\n{int(kept.sum()):,} of these hubs, {bad:,} of them bad, are in the method's pool"


def _block(images: Tensor, found: Gallery, chosen: Int[Tensor, " n"], heading: str) -> Block:
    columns = min(_COLUMNS, len(chosen))
    hubness, mismatch = found.hubness[chosen].tolist(), found.mismatch[chosen].tolist()
    captions = [f"{count:.0f} · {share:.0%}" for count, share in zip(hubness, mismatch, strict=True)]
    bad = found.bad[chosen].nonzero().flatten().tolist()
    framed = [divmod(place, columns) for place in bad]
    blank = images.new_ones(-len(chosen) % columns, *images.shape[1:])  # to the end of the last line
    shown = torch.cat([images[chosen], blank]).unflatten(0, (-1, columns))
    return Block(shown, heading, captions=captions, framed=framed)
