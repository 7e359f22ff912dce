"""Shares of a data set's training rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from methods.core.base import Data, Split
from methods.core.errors import BadInput
from pipelines import datasets
from pipelines.datasets import shares
from pipelines.datasets.dataset import Dataset
from pipelines.trial import trial


def test_a_share_has_the_same_share_of_every_class(digits: Dataset) -> None:
    few = shares.share(digits, 0.25)
    whole = np.bincount(digits.data.train.y.numpy())
    assert np.array_equal(np.bincount(few.data.train.y.numpy()), np.rint(whole * 0.25))


def test_rows_keep_their_labels_and_none_comes_twice(digits: Dataset) -> None:
    train, few = digits.data.train, shares.share(digits, 0.5).data.train
    places = [(train.x == row).flatten(1).all(1).nonzero()[0].item() for row in few.x[:50]]
    assert torch.equal(train.y[places], few.y[:50])
    assert places == sorted(set(places))


def test_the_share_is_always_the_same_and_leaves_other_splits(digits: Dataset) -> None:
    one, other = shares.share(digits, 0.1), datasets.load("digits@0.1")
    assert one.checksum == other.checksum != digits.checksum
    assert torch.equal(one.data.test.x, digits.data.test.x)
    assert torch.equal(one.data.valid.x, digits.data.valid.x)


def test_every_class_keeps_a_row(digits: Dataset) -> None:
    assert len(shares.share(digits, 1e-6).data.train) == digits.classes


def test_data_without_labels_and_with_rows_binarized_before_are_shared_too(digits: Dataset) -> None:
    train = digits.data.train
    binary = Split((train.grey > 0.5).float(), train.grey, None)
    few = shares.share(dataclasses.replace(digits, data=Data(binary, binary, binary)), 0.1).data.train
    assert len(few) == round(len(train) / 10)
    assert torch.equal(few.x, (few.grey > 0.5).float())


def test_names_and_shares_go_together() -> None:
    assert shares.named("usps", 0.1) == "usps@0.1"
    assert shares.parted("usps@0.1") == ("usps", 0.1)
    assert shares.named("usps", 1) == "usps"


@pytest.mark.parametrize("name", ["digits@0", "digits@2", "digits@x", "digits@", "digits@nan"])
def test_a_share_must_be_a_fraction(name: str) -> None:
    with pytest.raises(BadInput, match="the share of digits must be a number above 0 and at most 1"):
        trial({"data": name, "method": "vae"})


def test_the_whole_data_set_must_be_known() -> None:
    with pytest.raises(BadInput, match="unknown data set 'digts': did you mean 'digits'"):
        datasets.load("digts@0.5")
