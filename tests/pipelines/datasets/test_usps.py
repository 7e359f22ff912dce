from __future__ import annotations

import bz2
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import dump_svmlight_file
from torch.nn.functional import adaptive_avg_pool2d

from pipelines.datasets import digits, usps


def test_digits_are_upright_like_those_of_another_data_set(kept: Path, likeliest_turn) -> None:
    def means(split) -> np.ndarray:
        return torch.stack([split.grey[split.y == digit].mean(0) for digit in range(10)]).numpy()

    small = adaptive_avg_pool2d(torch.from_numpy(means(usps.load().data.train)), 8).numpy()
    assert likeliest_turn(small, means(digits.load().data.train)) == "upright"


def test_the_libsvm_file_and_the_array_file_hold_the_same_rows(kept: Path, tmp_path: Path) -> None:
    """The array file written the way LIBSVM writes: thousandths from -1 to 1, zeros left out, digits 1 to 10."""
    with np.load(kept / "usps" / "usps.npz", allow_pickle=False) as arrays:
        images, labels = arrays["x_test"][:300], arrays["y_test"][:300]
    signed = np.round(2.0 * images.reshape(300, 256) - 1, 3)
    dump_svmlight_file(signed, labels.astype(int) + 1, str(tmp_path / "usps"), zero_based=False)
    (tmp_path / "usps.t.bz2").write_bytes(bz2.compress((tmp_path / "usps").read_bytes()))
    read, names = usps.read(tmp_path / "usps.t.bz2")
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read[:, 0], images)
    np.testing.assert_array_equal(names, labels)
