"""The file format of the MNIST family: gzipped IDX, a big-endian header followed by bytes.

Source: Y. LeCun, C. Cortes and C. Burges, http://yann.lecun.com/exdb/mnist, "File formats".
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.datasets.splits import Rows


def rows(images: Path, labels: Path) -> Rows:
    """Gray images (N, 1, height, width) as float32 in [0, 1], and their labels (N,)."""
    return _read(images)[:, None].astype(np.float32) / 255, _read(labels)


def _read(path: Path) -> NDArray[np.uint8]:
    content = gzip.decompress(path.read_bytes())
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)
