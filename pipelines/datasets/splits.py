"""How rows become splits: fixed permutations and fixed or repeated binarization."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray

from methods.core.base import Data, Split
from methods.core.errors import BadInput

Array = NDArray[np.generic]
Rows = tuple[Array, Array | None]
"""Images (N, channels, height, width), in [0, 1] where nothing else is said, and labels (N,) or None."""

_BINARIZATION_SEED = 777  # the seed of the VampPrior and Exemplar-VAE data loaders


def grey(train: Rows, valid: Rows, test: Rows) -> Data:
    """Intensities as they are."""
    return Data(*(_split(rows) for rows in (train, valid, test)))


def dynamically_binarized(train: Rows, valid: Rows, test: Rows) -> Data:
    """Training rows drawn from Bernoulli(intensity) whenever they are read; validation and test drawn once.

    Validation must be fixed, or early stopping compares noise.
    """
    random = np.random.RandomState(_BINARIZATION_SEED)
    kept = _split(train)
    return Data(Split(kept.x, kept.grey, kept.y, redraw=True), _drawn_once(valid, random), _drawn_once(test, random))


def bin_centers(train: Rows, valid: Rows, test: Rows) -> Data:
    """Levels k = 0..255 as (k + 1/2) / 256, the centers of the bins of the likelihood `logistic256`."""
    return Data(*(_split((_centers(images), labels)) for images, labels in (train, valid, test)))


def permuted(rows: Rows, seed: int) -> Rows:
    """The rows in a fixed random order."""
    order = np.random.RandomState(seed).permutation(len(rows[0]))
    return _at(rows, order)


def cut(rows: Rows, *sizes: int) -> list[Rows]:
    """Consecutive pieces of these sizes, which use up all rows.

    Raises:
        BadInput: they do not, so the rows come from some other file.
    """
    if sum(sizes) != len(rows[0]):
        raise BadInput(
            f"a file of this data set holds {len(rows[0])} rows where {sum(sizes)} belong: delete it and run again"
        )
    edges = np.cumsum([0, *sizes])
    return [_at(rows, slice(low, high)) for low, high in itertools.pairwise(edges)]


def joined(*parts: Rows) -> Rows:
    """Labeled rows one after the other."""
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def _at(rows: Rows, index: slice | Array) -> Rows:
    images, labels = rows
    return images[index], None if labels is None else labels[index]


def _split(rows: Rows) -> Split:
    images, labels = rows
    x = torch.from_numpy(np.ascontiguousarray(images, dtype=np.float32))
    return Split(x, x, None if labels is None else torch.from_numpy(labels.astype(np.int64)))


def _centers(levels: Array) -> NDArray[np.float32]:
    centers = levels.astype(np.float32)
    centers += 0.5  # in place: the images of CIFAR-10 fill half a gigabyte
    centers /= 256
    return centers


def _drawn_once(rows: Rows, random: np.random.RandomState) -> Split:
    fixed = _split(rows)
    drawn = random.binomial(1, fixed.grey.numpy()).astype(np.float32)
    return Split(torch.from_numpy(drawn), fixed.grey, fixed.y)
