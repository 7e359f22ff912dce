from __future__ import annotations

import math

import pytest
import torch
from matplotlib.colors import to_hex

from methods.core.errors import BadInput
from pipelines.figures import activity, rate_plane, training_curves, tsne
from pipelines.figures.look import COLORS, MARKERS
from pipelines.figures.rate_plane import Point


def test_bars_reach_the_variances_from_the_largest_to_the_smallest() -> None:
    variances = torch.tensor([0.002, 3.0, 0.5])
    axes = activity.draw(variances, title="title").axes[0]
    tops = [bar.get_y() + bar.get_height() for bar in axes.patches]
    assert tops == pytest.approx([3.0, 0.5, 0.002])
    assert axes.get_yscale() == "log"


def test_active_dimensions_are_counted_and_colored() -> None:
    axes = activity.draw(torch.tensor([0.002, 3.0, 0.5, 0.0]), title="title").axes[0]
    assert axes.get_title() == "2 of 4 above 0.01 (dashed)"
    assert [to_hex(bar.get_facecolor()).upper() == COLORS[0] for bar in axes.patches] == [True, True, False, False]


def test_a_dimension_that_never_varies_stays_inside_the_frame() -> None:
    axes = activity.draw(torch.zeros(3), title="title").axes[0]
    assert all(bar.get_y() >= axes.get_ylim()[0] > 0 for bar in axes.patches)


def test_every_term_and_validation_metric_has_its_curve() -> None:
    history = [
        {"epoch": 1, "time": 5, "seconds": 2.0, "train/rate": 1.0, "valid/bce": 9.0},
        {"epoch": 3, "time": 6, "seconds": 2.0, "train/rate": 2.0, "train/second": 7.0, "valid/bce": 8.0},
    ]
    drawn = {
        axes.get_title(): axes.lines[0].get_xydata().tolist() for axes in training_curves.draw(history, title="").axes
    }
    assert drawn == {
        "training: rate": [[1, 1], [3, 2]],
        "training: second": [[3, 7]],
        "validation: bce": [[1, 9], [3, 8]],
    }


def test_values_over_a_wide_range_have_a_logarithmic_axis_unless_some_are_negative() -> None:
    history = [{"epoch": 1, "train/a": 1000.0, "train/b": 1000.0}, {"epoch": 2, "train/a": 1.0, "train/b": -1.0}]
    first, second = training_curves.draw(history, title="").axes
    assert (first.get_yscale(), second.get_yscale()) == ("log", "linear")


def test_a_history_without_terms_is_refused() -> None:
    with pytest.raises(BadInput, match="needs entries with train/ or valid/"):
        training_curves.draw([{"epoch": 1, "seconds": 2.0}], title="")


def test_the_plane_has_every_finite_point_at_its_place() -> None:
    points = [Point("vae", 1, 90), Point("ae", math.nan, 80), Point("vae", 5, 80), Point("rae", 7, 70)]
    axes = rate_plane.draw(points, title="title").axes[0]
    drawn = {dots.get_label(): dots.get_offsets().tolist() for dots in axes.collections}
    assert drawn == {"vae": [[1, 90], [5, 80]], "rae": [[7, 70]]}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rate (nats)", "distortion -log p(x|z) (nats)")


def test_along_a_dotted_line_rate_and_distortion_have_the_same_sum() -> None:
    axes = rate_plane.draw([Point("vae", 1, 90), Point("vae", 30, 60)], title="title").axes[0]
    assert len(axes.lines) > 1
    for line in axes.lines:
        sums = line.get_xydata().sum(1)
        assert sums[0] == pytest.approx(sums[1])


def test_a_plane_without_finite_points_is_refused() -> None:
    with pytest.raises(BadInput, match="finite rate"):
        rate_plane.draw([Point("ae", math.nan, 80)], title="title")


def test_every_class_has_its_points_in_a_look_of_its_own() -> None:
    points, labels = torch.randn(200, 2), torch.arange(200) % 10
    axes = tsne.draw(points, labels, title="title").axes[0]
    for dots in axes.collections:
        assert dots.get_offsets().tolist() == points[labels == int(dots.get_label())].double().tolist()
    looks = {(to_hex(dots.get_facecolor()[0]), dots.get_paths()[0].vertices.tobytes()) for dots in axes.collections}
    assert len(looks) == len(axes.collections) == 10


def test_of_many_classes_the_largest_are_told_apart_and_the_others_grey() -> None:
    labels = torch.arange(15).repeat_interleave(torch.arange(15) + 1)
    axes = tsne.draw(torch.randn(len(labels), 2), labels, title="title").axes[0]
    assert [dots.get_label() for dots in axes.collections] == [*map(str, range(5, 15)), "others"]
    assert len(axes.collections[-1].get_offsets()) == 15


def test_colors_and_markers_together_tell_more_categories_apart_than_each() -> None:
    looks = {(COLORS[place % len(COLORS)], MARKERS[place % len(MARKERS)]) for place in range(42)}
    assert len(looks) == 42


def test_well_separated_clusters_stay_apart_in_the_embedding() -> None:
    labels = torch.arange(90) % 3
    codes = 20 * torch.nn.functional.one_hot(labels, 5).float() + torch.randn(90, 5)
    points = tsne.embedded(codes)
    centers = torch.stack([points[labels == label].mean(0) for label in range(3)])
    assert torch.equal(torch.cdist(points, centers).argmin(1), labels)
    assert torch.equal(points, tsne.embedded(codes))


def test_the_embedding_refuses_two_codes() -> None:
    with pytest.raises(BadInput, match="at least 3 codes, got 2"):
        tsne.embedded(torch.randn(2, 4))
