from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from pipelines.datasets import idx


def test_rows_are_what_was_written(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    images, labels = tmp_path / "images.gz", tmp_path / "labels.gz"
    images.write_bytes(gzip.compress(struct.pack(">BBBBiii", 0, 0, 8, 3, 5, 4, 3) + levels.tobytes()))
    labels.write_bytes(gzip.compress(struct.pack(">BBBBi", 0, 0, 8, 1, 5) + bytes([9, 8, 7, 6, 5])))
    gray, names = idx.rows(images, labels)
    np.testing.assert_array_equal(gray[:, 0], levels.astype(np.float32) / 255)
    np.testing.assert_array_equal(names, [9, 8, 7, 6, 5])
