from __future__ import annotations

import pytest
import torch

from methods.core.base import Split


def _split(rows: int = 10, **settings: bool) -> Split:
    grey = torch.rand(rows, 1, 2, 2)
    return Split(grey, grey, torch.arange(rows), **settings)


def test_batches_hold_all_rows_in_the_order_given() -> None:
    split, order = _split(), torch.randperm(10)
    batches = list(split.batches(4, order))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert torch.equal(torch.cat([batch.index for batch in batches]), order)
    assert torch.equal(torch.cat([batch.x for batch in batches]), split.x[order])
    assert torch.equal(torch.cat([batch.y for batch in batches if batch.y is not None]), order)


def test_without_an_order_rows_come_as_they_are_stored() -> None:
    split = _split()
    assert torch.equal(torch.cat([batch.grey for batch in split.batches(3)]), split.grey)


def test_redrawn_rows_are_binary_and_new_at_every_reading() -> None:
    split = _split(1000, redraw=True)
    first, second = (split[torch.arange(1000)].x for _ in range(2))
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first, second)


def test_redrawn_rows_are_on_average_the_intensities() -> None:
    grey = torch.full((40_000, 1, 1, 1), 0.3)
    drawn = Split(grey, grey, redraw=True)[torch.arange(40_000)].x
    # Five standard errors: false alarm below 1e-6.
    assert drawn.mean().item() == pytest.approx(0.3, abs=5 * (0.3 * 0.7 / 40_000) ** 0.5)


def test_redrawing_leaves_the_intensities_alone() -> None:
    split = _split(redraw=True)
    assert torch.equal(split[torch.arange(10)].grey, split.grey)


def test_rows_that_are_not_binarized_are_the_intensities_themselves() -> None:
    batch = _split()[torch.arange(3)]
    assert batch.x is batch.grey


@pytest.mark.parametrize("redraw", [True, False])
def test_the_head_is_the_first_rows(redraw: bool) -> None:
    split = _split(redraw=redraw)
    head = split.head(3)
    assert (len(head), head.redraw) == (3, redraw)
    assert torch.equal(head.x, split.x[:3])
    assert head.y is not None
    assert head.y.tolist() == [0, 1, 2]


def test_moving_a_split_keeps_what_was_shared_shared() -> None:
    moved = _split().to(torch.device("meta"))
    assert moved.x is moved.grey
    assert moved.x.device.type == "meta"
