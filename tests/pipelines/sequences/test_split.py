"""Splits of sequences: stored as numbers of symbols, read as one-hot rows."""

from __future__ import annotations

import pytest
import torch

from methods.core.base import Split

NUMBERS = torch.tensor([[0, 1, 2], [2, 2, 2], [1, 0, 2]], dtype=torch.uint8)
ONE_HOT = torch.eye(3)[NUMBERS.long()]


@pytest.fixture
def split() -> Split:
    return Split(NUMBERS, NUMBERS, symbols=3)


def test_rows_are_read_one_hot(split: Split) -> None:
    assert torch.equal(split[torch.tensor([2, 0])].x, ONE_HOT[[2, 0]])


def test_the_event_is_the_shape_of_a_row_as_it_is_read(split: Split) -> None:
    assert split.event == (3, 3)
    assert Split(torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 8, 8)).event == (1, 8, 8)


def test_batches_heads_and_copies_are_read_one_hot_too(split: Split) -> None:
    assert torch.equal(torch.cat([batch.x for batch in split.batches(2)]), ONE_HOT)
    assert torch.equal(split.head(2)[torch.tensor([1])].x, ONE_HOT[[1]])
    assert torch.equal(split.to(torch.device("cpu"))[torch.tensor([1])].x, ONE_HOT[[1]])


def test_grey_rows_are_the_rows_themselves(split: Split) -> None:
    batch = split[torch.tensor([0])]
    assert batch.grey is batch.x
