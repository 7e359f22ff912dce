"""Frey faces: 1,965 frames of a film of one face, 28x20 pixels, without labels.

Split 1,565 / 200 / 200 after one fixed permutation. Frames that follow each other are nearly alike, so every test frame
has near twins in the training part, here as in the papers. Levels k = 0..255 become (k + 1/2) / 256, the centers of the
bins of the likelihood "logistic256".

Source: B. Frey, as S. Roweis serves it (https://cs.nyu.edu/~roweis/data.html), no licence stated. Sizes: Tomczak and
Welling 2018 (VampPrior).
"""

from __future__ import annotations

from scipy.io import loadmat

from pipelines.datasets import splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch

_FILE = RemoteFile(
    "frey-faces",
    "frey_rawface.mat",
    ("https://cs.nyu.edu/~roweis/data/frey_rawface.mat", "http://www.cs.nyu.edu/~roweis/data/frey_rawface.mat"),
    sha256="265a83a23adb081755cd3de375509828e690324d1d60f076b8ecebc840d59c64",
)


def load() -> Dataset:
    frames = loadmat(fetch(_FILE))["ff"].T.reshape(-1, 1, 28, 20)
    rows = splits.permuted((frames, None), seed=0)
    return Dataset(splits.bin_centers(*splits.cut(rows, 1_565, 200, 200)), classes=0, likelihood="logistic256")
