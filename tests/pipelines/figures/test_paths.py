from __future__ import annotations

import torch

from pipelines.figures.interpolations import linear, spherical
from pipelines.figures.traversals import draw, most_varying, traversed

SHARE = torch.linspace(0, 1, 7)


def test_both_ways_begin_and_end_at_the_codes() -> None:
    a, b = torch.randn(5, 4), torch.randn(5, 4)
    for way in (linear, spherical):
        path = way(a, b, SHARE)
        torch.testing.assert_close(path[:, 0], a)
        torch.testing.assert_close(path[:, -1], b)


def test_the_way_around_keeps_the_norm_and_turns_evenly() -> None:
    a, b = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    angle = SHARE * torch.pi / 2
    torch.testing.assert_close(spherical(a, b, SHARE)[0], 3 * torch.stack([angle.cos(), angle.sin()], 1))


def test_codes_of_one_direction_or_opposite_ones_are_joined_straight() -> None:
    a = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    b = torch.tensor([[2.0, 4.0], [-1.0, -2.0], [0.0, 0.0]])
    torch.testing.assert_close(spherical(a, b, SHARE), linear(a, b, SHARE))


def test_a_traversal_moves_one_dimension_and_leaves_the_others() -> None:
    code, values = torch.tensor([5.0, 6.0, 7.0]), torch.tensor([[-1.0, -2.0, -3.0], [1.0, 2.0, 3.0]])
    moved = traversed(code, torch.tensor([2, 0]), values)
    assert moved.tolist() == [[[5, 6, -3], [5, 6, 3]], [[-1, 6, 7], [1, 6, 7]]]


def test_dimensions_are_ordered_by_variance() -> None:
    codes = torch.randn(500, 4) * torch.tensor([0.1, 3.0, 1.0, 0.5])
    assert most_varying(codes, 3).tolist() == [1, 2, 3]


def test_traversals_are_labeled_with_dimensions_and_values() -> None:
    steps = torch.linspace(-3, 3, 11).tolist()  # the middle one is -1e-7 in float32
    (axes,) = draw(torch.zeros(2, 11, 1, 8, 8), [7, 0], steps, xlabel="value", title="title").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["z7", "z0"]
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["-3", "-2.4", "-1.8", "-1.2", "-0.6", "0", "0.6", "1.2", "1.8", "2.4", "3"]
    assert axes.get_xlabel() == "value"
