"""CIFAR-10: 60,000 color photographs of 32x32 pixels in 10 classes.

Split 40,000 / 10,000 / 10,000: batches 1 to 4, batch 5, and the test batch. Levels k = 0..255 become (k + 1/2) / 256,
the centers of the bins of the likelihood "logistic256".

Source: A. Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html, the binary version; no licence stated, the
authors ask to be cited. Likelihood and sizes: Tomczak and Welling 2018 (VampPrior).
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np

from pipelines.datasets import splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch

ARCHIVE = RemoteFile(
    "cifar-10",
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)


def load() -> Dataset:
    batches = read(fetch(ARCHIVE))
    train = splits.joined(*(batches[f"data_batch_{number}"] for number in (1, 2, 3, 4)))
    return Dataset(
        splits.bin_centers(train, batches["data_batch_5"], batches["test_batch"]), classes=10, likelihood="logistic256"
    )


def read(path: Path) -> dict[str, splits.Rows]:
    """The six batches by name, as levels (10000, 3, 32, 32) and labels (10000,)."""
    with tarfile.open(path) as archive:  # one pass: going back in a compressed archive means starting over
        streams = ((Path(member.name), archive.extractfile(member)) for member in archive)
        return {name.stem: _rows(stream.read()) for name, stream in streams if stream and name.suffix == ".bin"}


def _rows(content: bytes) -> splits.Rows:
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0]
