from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.core.base import Data, Split
from pipelines.datasets import digits, splits
from pipelines.datasets.dataset import Dataset, from_arrays, to_arrays


def binarized() -> Dataset:
    random = np.random.default_rng(0)
    parts = [(random.random((rows, 1, 4, 3)), random.integers(0, 3, rows)) for rows in (6, 3, 4)]
    return Dataset(splits.dynamically_binarized(*parts), classes=3, likelihood="bernoulli")


def unlabeled() -> Dataset:
    random = np.random.default_rng(1)
    parts = [(random.integers(0, 256, (rows, 3, 2, 2), dtype=np.uint8), None) for rows in (5, 2, 2)]
    return Dataset(splits.bin_centers(*parts), classes=0, likelihood="logistic256")


@pytest.mark.parametrize("make", [binarized, unlabeled, digits.load])
def test_arrays_turned_into_a_data_set_and_back_are_the_same(make) -> None:
    arrays = to_arrays(make())
    again = to_arrays(from_arrays(arrays))
    assert arrays.keys() == again.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name])


@pytest.mark.parametrize("make", [binarized, unlabeled, digits.load])
def test_a_data_set_turned_into_arrays_and_back_is_the_same(make) -> None:
    dataset = make()
    again = from_arrays(to_arrays(dataset))
    assert (again.classes, again.likelihood, again.event) == (dataset.classes, dataset.likelihood, dataset.event)
    assert again.checksum == dataset.checksum
    for part in ("train", "valid", "test"):
        before: Split = getattr(dataset.data, part)
        after: Split = getattr(again.data, part)
        assert after.redraw == before.redraw
        assert (after.x is after.grey) == (before.x is before.grey)
        assert (after.y is None) == (before.y is None)


def test_arrays_share_the_memory_of_the_data_set() -> None:
    dataset = binarized()
    again = from_arrays(to_arrays(dataset))
    assert again.data.train.x.data_ptr() == dataset.data.train.x.data_ptr()


def test_the_checksum_changes_with_any_value() -> None:
    dataset = unlabeled()
    data = dataset.data
    x = data.test.x.clone()
    x.view(-1)[-1] += 1 / 256
    changed = Dataset(Data(data.train, data.valid, Split(x, x)), dataset.classes, dataset.likelihood)
    assert changed.checksum != dataset.checksum


def test_the_checksum_changes_with_the_order_of_rows() -> None:
    dataset = binarized()
    data = dataset.data
    order = torch.arange(len(data.train)).flip(0)
    train = Split(data.train.x[order], data.train.grey[order], data.train.y[order], redraw=True)
    assert Dataset(Data(train, data.valid, data.test), 3).checksum != dataset.checksum
