"""1,797 handwritten digits of 8x8 pixels, which ship inside scikit-learn: no download.

Split 1,000 / 297 / 500 after one fixed permutation; intensities 0..16 become [0, 1] and are not binarized.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI repository, CC BY 4.0 (the test part).
"""

from __future__ import annotations

from sklearn.datasets import load_digits

from pipelines.datasets import splits
from pipelines.datasets.dataset import Dataset


def load() -> Dataset:
    bunch = load_digits()
    rows = splits.permuted((bunch.images[:, None] / 16, bunch.target), seed=0)
    return Dataset(splits.grey(*splits.cut(rows, 1000, 297, 500)), classes=10)
