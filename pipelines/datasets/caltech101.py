"""Caltech 101 Silhouettes: outlines of 8,671 objects, filled, of 28x28 binary pixels in 101 classes.

The official split 1: 4,100 / 2,264 / 2,307. The file has objects 0 on ground 1 and stores images column by column;
papers, and this data set, use objects 1 on ground 0. Binary as they are: nothing is drawn. Upstream, nine silhouettes
occur in two of the parts.

Source: B. M. Marlin, K. Swersky, B. Chen and N. de Freitas 2010, https://people.cs.umass.edu/~marlin/data.shtml, no
licence stated. Inversion: Tomczak and Welling 2018 (VampPrior).
"""

from __future__ import annotations

import numpy as np
from scipy.io import loadmat

from pipelines.datasets import splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch

_FILE = RemoteFile(
    "caltech101",
    "caltech101_silhouettes_28_split1.mat",
    ("https://people.cs.umass.edu/~marlin/data/caltech101_silhouettes_28_split1.mat",),
    sha256="eb6735e8d84b1850fabc5590124aab1755e90c9fd28123585324398405e1e42a",
)


def load() -> Dataset:
    content = loadmat(fetch(_FILE))

    def rows(part: str) -> splits.Rows:
        objects = 1 - content[f"{part}_data"].astype(np.float32)
        return objects.reshape(-1, 1, 28, 28).swapaxes(2, 3), content[f"{part}_labels"].ravel().astype(np.int64) - 1

    return Dataset(splits.grey(rows("train"), rows("val"), rows("test")), classes=101)
