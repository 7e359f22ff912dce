"""A share of a data set's training rows, for runs that must be short: `usps@0.1` is usps with a tenth of them."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int

from methods.core.base import Data, Split
from methods.core.errors import BadInput
from pipelines.datasets.dataset import Dataset

_SIGN = "@"
_SEED = 0  # a share is a constant of the data set, as its splits are


def parted(name: str) -> tuple[str, float]:
    """The name of the whole data set, and the share of its training rows: 1 where the name has none.

    Raises:
        BadInput: a share that is no number above 0 and at most 1.
    """
    whole, sign, share = name.partition(_SIGN)
    if not sign:
        return whole, 1.0
    try:
        fraction = float(share)
    except ValueError:
        fraction = 0.0
    if not 0 < fraction <= 1:
        raise BadInput(f"the share of {whole} must be a number above 0 and at most 1, as in {whole}@0.1: got {share!r}")
    return whole, fraction


def named(name: str, fraction: float) -> str:
    """The name of that share of a data set; its own name for all of it."""
    return name if fraction == 1 else f"{name}{_SIGN}{fraction:g}"


def share(dataset: Dataset, fraction: float) -> Dataset:
    """The data set with that share of its training rows, the same in every class, and with all others.

    Which rows is random, yet always the same. Every class keeps a row at least.
    """
    train = dataset.data.train
    labels = np.zeros(len(train), dtype=np.int64) if train.y is None else train.y.numpy()
    rows = torch.from_numpy(_stratified(labels, fraction))
    x = train.x[rows]
    grey = x if train.grey is train.x else train.grey[rows]
    few = Split(x, grey, None if train.y is None else train.y[rows], train.redraw, train.symbols)
    return Dataset(Data(few, dataset.data.valid, dataset.data.test), dataset.classes, dataset.likelihood)


def _stratified(labels: Int[np.ndarray, " N"], fraction: float) -> Int[np.ndarray, " n"]:
    """Rows in ascending order: the first of each class in a random order."""
    order = np.random.default_rng(_SEED).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    quota = np.maximum(1, np.rint(counts * fraction))
    return np.sort(order[place < quota[labels[order]]])
