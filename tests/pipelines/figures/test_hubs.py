from __future__ import annotations

import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from methods.core.errors import BadInput
from pipelines.figures import hubs
from pipelines.figures.hubs import Gallery, gallery


def brute_force(codes: torch.Tensor, labels: torch.Tensor) -> dict[int, tuple[int, int]]:
    """N_k and mismatches of every hub, counted one pair at a time."""
    counts, mismatches = [0] * len(codes), [0] * len(codes)
    for row, code in enumerate(codes.double()):
        distances = (codes.double() - code).norm(dim=1)
        distances[row] = torch.inf
        for neighbor in distances.argsort()[:10].tolist():
            counts[neighbor] += 1
            mismatches[neighbor] += int(labels[row] != labels[neighbor])
    values = torch.tensor(counts).double()
    bar = values.mean() + 0.5 * values.std(correction=0)
    return {row: (counts[row], mismatches[row]) for row in range(len(codes)) if counts[row] > bar}


def frames(figure: Figure) -> list[int]:
    """Framed images of every block."""
    return [sum(isinstance(patch, Rectangle) for patch in axes.patches) for axes in figure.axes]


def test_hubs_and_their_mismatches_are_those_that_counting_finds() -> None:
    codes, labels = torch.randn(120, 3), torch.randint(3, (120,))
    expected = brute_force(codes, labels)
    found = gallery(codes, labels)
    assert found.hubness.tolist() == sorted(found.hubness.tolist(), reverse=True)
    assert set(found.rows.tolist()) == set(expected)
    for row, hubness, mismatch in zip(*(part.tolist() for part in found), strict=True):
        assert (hubness, mismatch) == (expected[row][0], pytest.approx(expected[row][1] / expected[row][0]))


def test_as_many_images_are_framed_as_hubs_with_more_mismatches_than_matches() -> None:
    labels = torch.arange(80) % 2
    codes = torch.randn(80, 4) + 1.2 * labels.unsqueeze(1)
    expected = brute_force(codes, labels)
    assert len(expected) >= 20
    by_strength = gallery(codes, labels).rows[:20].tolist()
    bad = [row for row, (count, wrong) in expected.items() if 2 * wrong > count]
    assert bad
    framed = frames(hubs.draw(torch.zeros(len(expected), 1, 8, 8), gallery(codes, labels), title="title"))
    assert framed == [len(set(bad) & set(by_strength)), min(20, len(bad))]


def test_captions_say_the_hubness_and_the_share_of_mismatches() -> None:
    found = Gallery(torch.tensor([4, 2]), torch.tensor([20.0, 15.0]), torch.tensor([0.25, 0.6]))
    strongest, worst = hubs.draw(torch.zeros(2, 1, 8, 8), found, title="title").axes
    assert [text.get_text() for text in strongest.texts] == ["20 · 25%", "15 · 60%"]
    assert [text.get_text() for text in worst.texts] == ["15 · 60%", "20 · 25%"]


def test_hubs_that_do_not_fill_a_line_are_shown_as_well() -> None:
    found = Gallery(torch.arange(13), torch.full((13,), 20.0), torch.linspace(0.9, 0.6, 13))
    assert frames(hubs.draw(torch.zeros(13, 1, 8, 8), found, title="title")) == [13, 13]


def test_a_hub_with_as_many_matches_as_mismatches_is_not_bad() -> None:
    found = Gallery(torch.arange(2), torch.tensor([20.0, 20.0]), torch.tensor([0.5, 0.55]))
    assert found.bad.tolist() == [False, True]


def test_two_codes_have_no_hubs() -> None:
    with pytest.raises(BadInput, match="at least 3 codes, got 2"):
        gallery(torch.randn(2, 3), torch.zeros(2, dtype=torch.long))
