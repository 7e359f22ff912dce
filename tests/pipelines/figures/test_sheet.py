from __future__ import annotations

import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.figures.sheet import Block, gutter, sheet, tiles


def cut(picture: Tensor, like: Tensor, below: int = 0) -> Tensor:
    """The images of a picture, cut out of it one by one."""
    rows, columns, channels, height, width = like.shape
    gap = gutter(width)
    found = torch.zeros_like(like)
    for row in range(rows):
        for column in range(columns):
            top, left = gap + row * (height + gap + below), gap + column * (width + gap)
            part = picture[top : top + height, left : left + width]
            found[row, column] = part.reshape(height, width, channels).movedim(2, 0)
    return found


@pytest.mark.parametrize("event", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 28, 20)])
def test_the_tiles_are_the_images(event: tuple[int, ...]) -> None:
    images = torch.rand(3, 4, *event)
    assert torch.equal(cut(torch.from_numpy(tiles(images, below=5)), images, below=5), images)


def test_what_is_between_images_is_white() -> None:
    images = torch.zeros(2, 3, 1, 28, 20)
    picture = tiles(images)
    assert (picture == 1).sum() == picture.size - images.numel()


def test_the_picture_on_the_sheet_is_the_tiles() -> None:
    images = torch.rand(2, 5, 3, 8, 6)
    (axes,) = sheet("title", Block(images)).axes
    assert torch.equal(torch.from_numpy(axes.images[0].get_array().data), torch.from_numpy(tiles(images)))


def test_grey_runs_from_black_at_0_to_white_at_1_whatever_the_images_are() -> None:
    (axes,) = sheet("title", Block(torch.full((1, 1, 1, 8, 8), 0.4))).axes
    assert axes.images[0].get_clim() == (0, 1)
    assert axes.images[0].get_cmap().name == "gray"


def test_labels_stand_at_the_middle_of_their_rows_and_columns() -> None:
    images = torch.zeros(2, 3, 1, 4, 6)
    (axes,) = sheet("title", Block(images, rows=["a", "b"], columns=["x", "y", "z"])).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["x", "y", "z"]
    # pixel centers are whole numbers: a gutter of 1, then 4 rows 1..4, a gutter, 4 rows 6..9
    assert axes.get_yticks().tolist() == [2.5, 7.5]
    assert axes.get_xticks().tolist() == [3.5, 10.5, 17.5]


def test_the_title_stands_on_top_and_the_run_below() -> None:
    figure = sheet("Samples\nvae on mnist", Block(torch.zeros(1, 1, 1, 8, 8)))
    assert figure.get_suptitle() == "Samples"
    assert figure.get_supxlabel() == "vae on mnist"


def test_the_framed_images_have_frames_around_them() -> None:
    images = torch.zeros(2, 3, 1, 8, 8)
    (axes,) = sheet("title", Block(images, framed=[(0, 2), (1, 0)])).axes
    (first, second) = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert (first.get_x(), first.get_y()) == (18, 0)  # columns of pixels 19..26 and rows 1..8, half a gutter outside
    assert (second.get_x(), second.get_y()) == (0, 9)


@pytest.mark.parametrize("event", [(2, 8, 8), (20, 12, 1)])
def test_what_has_neither_one_nor_three_channels_is_refused(event: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match="pictures need images of shape"):
        sheet("title", Block(torch.zeros(1, 1, *event)))


@pytest.mark.parametrize("columns", [1, 10, 13])
def test_no_text_of_a_sheet_overlaps_another(columns: int) -> None:
    rows = [f"component {row}" for row in range(3)]
    labels = ["data", *(f"{column / 10}" for column in range(columns - 1))]
    captions = ["123 · 100%"] * (3 * columns) if columns < 13 else []
    block = Block(torch.zeros(3, columns, 1, 8, 8), "A heading", rows, labels, "value", captions=captions)
    assert not overlapping(sheet("A title\nwhat below\nvae on digits", block, block))


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    figure.draw_without_rendering()
    texts = [text for text in figure.findobj(lambda artist: hasattr(artist, "get_text")) if text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_visible()]
    return [
        (one, other)
        for place, (one, box) in enumerate(boxes)
        for other, another in boxes[place + 1 :]
        if box.padded(-1).overlaps(another.padded(-1))
    ]
