"""Data that cannot be trained on are refused with the rule and the value."""

from __future__ import annotations

import math

import pytest
import torch

from methods.core.base import Data, Split
from methods.core.errors import BadInput
from pipelines.datasets.soundness import check


def rows(count: int = 5) -> torch.Tensor:
    return torch.rand(count, 1, 2, 2)


def data(train: torch.Tensor, test: torch.Tensor | None = None) -> Data:
    split, other = Split(train, train), rows() if test is None else test
    return Data(split, Split(rows(), rows()), Split(other, other))


def test_sound_data_pass() -> None:
    check(data(rows()))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_cannot_be_is_named_with_its_row(value: float) -> None:
    test = rows()
    test[3, 0, 1, 1] = value
    with pytest.raises(BadInput, match=f"must be finite: row 3 of the split 'test' has {value};"):
        check(data(rows(), test))


def test_intensities_are_looked_at_too() -> None:
    grey = rows()
    grey[2] = math.nan
    with pytest.raises(BadInput, match="row 2 of the split 'train' has nan"):
        check(Data(Split(torch.bernoulli(rows()), grey), Split(rows(), rows()), Split(rows(), rows())))


def test_rows_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(BadInput, match=r"all 5 training rows are the same \(their first value is 0.25\)"):
        check(data(torch.full((5, 1, 2, 2), 0.25)))


def test_one_row_is_enough() -> None:
    check(data(rows(1)))


def test_a_split_without_rows_is_refused() -> None:
    with pytest.raises(BadInput, match="the split 'test' has no rows"):
        check(data(rows(), rows(0)))
