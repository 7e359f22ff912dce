"""Dynamic USPS: 9,298 handwritten digits of 16x16 pixels from envelopes, in 10 classes.

Split 6,291 / 1,000 / 2,007: validation is the last 1,000 of the 7,291 training images (the data have no official
validation part, and Hub-VAE prints only the total). Intensities -1..1 become [0, 1]; training images are binarized anew
at every reading, validation and test images once.

Source: J. J. Hull 1994, as LIBSVM serves it (https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets), no licence
stated. A file usps.npz with the same images and labels is used where the user keeps one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_svmlight_file

from pipelines.datasets import splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch, present

_SERVER = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass"
_TRAIN = RemoteFile("usps", "usps.bz2", (f"{_SERVER}/usps.bz2",), md5="ec16c51db3855ca6c91edd34d0e9b197")
_TEST = RemoteFile("usps", "usps.t.bz2", (f"{_SERVER}/usps.t.bz2",), md5="8ea070ee2aca1ac39742fdd1ef5ed118")
_ARRAYS = RemoteFile("usps", "usps.npz", sha256="95e790f272f9ff97b293f6960cbae5a4632b24788dc64725d33a6fed681fab9f")


def load() -> Dataset:
    rows, test = _kept() if present(_ARRAYS) else (read(fetch(_TRAIN)), read(fetch(_TEST)))
    train, valid = splits.cut(rows, 6_291, 1_000)
    return Dataset(splits.dynamically_binarized(train, valid, test), classes=10)


def read(path: Path) -> splits.Rows:
    """Rows of a LIBSVM file with intensities in [-1, 1] and the digits 0 to 9 labeled 1 to 10."""
    intensities, labels = load_svmlight_file(str(path), n_features=256, dtype=np.float32)
    return (intensities.toarray().reshape(-1, 1, 16, 16) + 1) / 2, labels.astype(np.int64) - 1


def _kept() -> tuple[splits.Rows, splits.Rows]:
    with np.load(fetch(_ARRAYS), allow_pickle=False) as arrays:
        return (arrays["x_train"][:, None], arrays["y_train"]), (arrays["x_test"][:, None], arrays["y_test"])
