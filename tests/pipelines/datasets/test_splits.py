from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.core.errors import BadInput
from pipelines.datasets import splits


def rows(number: int, seed: int = 0) -> splits.Rows:
    random = np.random.default_rng(seed)
    return random.random((number, 1, 3, 2)).astype(np.float32), random.integers(0, 4, number)


def test_pieces_follow_each_other() -> None:
    images, labels = rows(10)
    first, second = splits.cut((images, labels), 7, 3)
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), images)
    np.testing.assert_array_equal(np.concatenate([first[1], second[1]]), labels)


def test_pieces_that_leave_rows_over_are_refused() -> None:
    with pytest.raises(BadInput, match="holds 10 rows where 9 belong"):
        splits.cut(rows(10), 7, 2)


def test_a_permutation_keeps_labels_with_their_images() -> None:
    images, labels = np.arange(20.0).reshape(20, 1, 1, 1), np.arange(20)
    mixed, names = splits.permuted((images, labels), seed=3)
    np.testing.assert_array_equal(mixed.ravel(), names)
    assert not np.array_equal(names, labels)
    np.testing.assert_array_equal(np.sort(names), labels)


def test_joined_parts_follow_each_other() -> None:
    images, labels = splits.joined(rows(2, seed=1), rows(3, seed=2))
    np.testing.assert_array_equal(images[2:], rows(3, seed=2)[0])
    np.testing.assert_array_equal(labels[:2], rows(2, seed=1)[1])


def test_grey_rows_stay_as_they_are() -> None:
    train = rows(5)
    data = splits.grey(train, rows(2), rows(2))
    assert data.train.x is data.train.grey
    np.testing.assert_array_equal(data.train[torch.arange(5)].x.numpy(), train[0])


def test_validation_and_test_are_drawn_with_one_fixed_stream_of_numbers() -> None:
    data = splits.dynamically_binarized(rows(5), rows(400, seed=1), rows(400, seed=2))
    np.random.seed(777)
    valid = np.random.binomial(1, rows(400, seed=1)[0])
    test = np.random.binomial(1, rows(400, seed=2)[0])
    np.testing.assert_array_equal(data.valid.x.numpy(), valid)
    np.testing.assert_array_equal(data.test.x.numpy(), test)


def test_training_rows_are_drawn_anew_with_the_intensities_as_means() -> None:
    images, labels = rows(5)
    train = splits.dynamically_binarized((images, labels), rows(2), rows(2)).train
    draws = torch.stack([train[torch.arange(5)].x for _ in range(4000)])
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    deviation = np.sqrt(images * (1 - images) / 4000)
    assert (np.abs(draws.mean(0).numpy() - images) < 6 * deviation).all()  # false alarm 30 * 2e-9, times binomial skew


def test_levels_become_the_centers_of_256_bins() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    data = splits.bin_centers((levels, None), (levels, None), (levels, None))
    np.testing.assert_array_equal(data.train.x.ravel().numpy(), (np.arange(256) + 0.5) / 256)


def test_a_bin_center_names_its_level_again() -> None:
    levels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    data = splits.bin_centers((levels, None), (levels, None), (levels, None))
    np.testing.assert_array_equal(torch.floor(data.test.x.ravel() * 256).numpy(), np.arange(256))
