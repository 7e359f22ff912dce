"""Dynamic Omniglot as in the VAE papers: 32,415 drawings of letters, 28x28 pixels, labeled by their 50 alphabets.

Split 23,000 / 1,345 / 8,070: the 24,345 training drawings are shuffled, and the last 1,345 are for validation, with the
seed of the IWAE code. Intensities are in [0, 1]; training images are binarized anew at every reading, validation and
test images once. The file stores images column by column.

Source: B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum 2015 (MIT); resized, and split at random, by Y. Burda,
R. Grosse and R. Salakhutdinov 2016 (IWAE), https://github.com/yburda/iwae, no licence stated for the file. Nobody
publishes a checksum of it, so its content is checked here. `omniglot_official` has the same drawings in their authors'
own split; results do not compare.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from methods.core.errors import BadInput
from pipelines.datasets import splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch

_PATH = "datasets/OMNIGLOT/chardata.mat"
_FILE = RemoteFile(
    "omniglot",
    "chardata.mat",
    (
        f"https://raw.githubusercontent.com/yburda/iwae/master/{_PATH}",
        f"https://github.com/yburda/iwae/raw/master/{_PATH}",
    ),
)


def load() -> Dataset:
    rows, test = read(fetch(_FILE))
    train, valid = splits.cut(splits.permuted(rows, seed=123), 23_000, 1_345)
    return Dataset(splits.dynamically_binarized(train, valid, test), classes=50)


def read(path: Path) -> tuple[splits.Rows, splits.Rows]:
    """Training and test rows.

    Raises:
        BadInput: the file holds something else.
    """
    try:
        content = loadmat(path)
        rows, test = _rows(content["data"], content["target"]), _rows(content["testdata"], content["testtarget"])
        whole = (len(rows[0]), len(test[0])) == (24_345, 8_070) and 0 <= rows[0].min() < rows[0].max() <= 1
    except Exception:  # a damaged file makes the parser fail in many ways
        whole = False
    if not whole:
        raise BadInput(
            f"{path} does not hold Omniglot's 24,345 training and 8,070 test drawings: delete it and run again"
        )
    return rows, test


def _rows(columns: splits.Array, alphabets: splits.Array) -> splits.Rows:
    images = columns.T.reshape(-1, 1, 28, 28).swapaxes(2, 3)
    return images.astype(np.float32), alphabets.argmax(0)
