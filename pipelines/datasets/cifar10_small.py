"""A fifth of CIFAR-10: 12,000 color photographs of 32x32 pixels in 10 classes.

Split 8,000 / 2,000 / 2,000: the first 8,000 and the last 2,000 of the first training batch, and the first 2,000 of the
test batch. Levels k = 0..255 become (k + 1/2) / 256, the centers of the bins of the likelihood "logistic256".

Source: A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html; no licence stated, the authors ask to be cited.
It is cut from the archive of `cifar10`, or read from cifar10_subset_10000_2000.npz where the user keeps that.
"""

from __future__ import annotations

import numpy as np

from pipelines.datasets import cifar10, splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch, present

_ARRAYS = RemoteFile(
    "cifar-10",
    "cifar10_subset_10000_2000.npz",
    sha256="5ab35b2792943e4ceb0bee7e0550380e986c084323a6a90cf2d6d85597b5ef2d",
)


def load() -> Dataset:
    rows, test = _kept() if present(_ARRAYS) else _cut()
    train, valid = splits.cut(rows, 8_000, 2_000)
    return Dataset(splits.bin_centers(train, valid, test), classes=10, likelihood="logistic256")


def _cut() -> tuple[splits.Rows, splits.Rows]:
    batches = cifar10.read(fetch(cifar10.ARCHIVE))
    return batches["data_batch_1"], splits.cut(batches["test_batch"], 2_000, 8_000)[0]


def _kept() -> tuple[splits.Rows, splits.Rows]:
    with np.load(fetch(_ARRAYS), allow_pickle=False) as arrays:
        return (
            (arrays["x_train"].transpose(0, 3, 1, 2), arrays["y_train"]),
            (arrays["x_test"].transpose(0, 3, 1, 2), arrays["y_test"]),
        )
