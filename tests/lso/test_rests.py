import pytest
import torch

from lso.adam import Adam
from lso.rests import Watch

THRESHOLDS = (0.5, 0.1, 0.0)

# The change of code 0 is 1, then 0.25, 0.0625, 0.0625, 0: rules hold at 2, 3 and 5.
# The change of code 1 is 0 at once: all rules hold at 1. Code 2 falls by 1 each time: no rule ever holds.
LOSSES = torch.tensor(
    [
        [9.0, 8.0, 7.75, 7.6875, 7.625, 7.625, 7.0],
        [3.0, 3.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0],
    ]
)


def watched(*, interrupted=False):
    """The rests after seven iterations, with codes (row, iteration)."""
    batch = Adam.start(torch.zeros(3, 2))
    watch = Watch(batch.z.detach(), THRESHOLDS)
    for iteration in range(7):
        z = torch.stack([batch.rows, torch.full_like(batch.rows, iteration)], 1).float()
        batch = Adam(batch.rows, z, batch.first, batch.second)
        losses = LOSSES[batch.rows, iteration]
        moving = watch.see(iteration, batch, losses)
        if moving is not None and iteration < 6:
            batch = batch.keep(moving)
    return watch.close(6, batch, LOSSES[batch.rows, 6], interrupted=interrupted)


def test_a_rule_holds_when_the_loss_first_changes_by_no_more_than_its_threshold():
    assert watched().iterations.tolist() == [[2, 3, 5], [1, 1, 1], [6, 6, 6]]


def test_the_loss_is_the_one_at_rest():
    assert watched().losses.tolist() == [[7.75, 7.6875, 7.625], [3.0, 3.0, 3.0], [3.0, 3.0, 3.0]]


def test_the_code_is_the_one_at_rest():
    expected = [[[0, 2], [0, 3], [0, 5]], [[1, 1], [1, 1], [1, 1]], [[2, 6], [2, 6], [2, 6]]]
    assert watched().codes.tolist() == expected


def test_a_rule_that_never_held_is_told_from_one_that_did():
    assert watched().stopped.tolist() == [[True] * 3, [True] * 3, [False] * 3]


def test_curves_keep_the_last_loss_of_a_code_at_rest():
    rests = watched()
    assert rests.curve_iterations.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert rests.curve[:, 0].tolist() == [9.0, 8.0, 7.75, 7.6875, 7.625, 7.625, 7.625]
    assert rests.curve[:, 1].tolist() == [3.0] * 7
    assert rests.curve[:, 2].tolist() == [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]


@pytest.mark.parametrize("interrupted", [True, False])
def test_rests_know_whether_they_were_interrupted(interrupted):
    assert watched(interrupted=interrupted).interrupted is interrupted


def test_a_loss_that_is_not_a_number_never_rests():
    batch = Adam.start(torch.zeros(1, 2))
    watch = Watch(batch.z.detach(), THRESHOLDS)
    assert all(watch.see(iteration, batch, torch.tensor([torch.nan])) is None for iteration in range(5))
