from __future__ import annotations

import io
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from pipelines.datasets import omniglot_official


@pytest.fixture
def arrays(kept: Path) -> dict[str, np.ndarray]:
    """Reduced drawings, full-size ones (N, 105, 105) with ink = 1, and what they show."""
    with np.load(kept / "omniglot" / "omniglot_28x28.npz", allow_pickle=False) as file:
        content = dict(file)
    with np.load(kept / "omniglot" / "omniglot_105x105_packed.npz", allow_pickle=False) as file:
        content["packed"] = file["packed"]
    return content


def full_size(packed: np.ndarray) -> np.ndarray:
    return np.unpackbits(packed, axis=1)[:, : 105 * 105].reshape(-1, 105, 105)


def test_an_archive_of_pages_gives_the_same_drawings_as_the_array_file(
    arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    """Pages as upstream has them: black ink on white, 1 bit a pixel, by alphabet and letter, in any order."""
    chosen = np.flatnonzero((arrays["evaluation"] == 0) & np.isin(arrays["alphabet"], [0, 3, 8]))
    path = tmp_path / "images_background.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images_background/readme.txt", "no drawing")
        archive.writestr("__MACOSX/images_background/._page.png", "no drawing")
        for row in np.random.default_rng(0).permutation(chosen):
            page = io.BytesIO()
            Image.fromarray(full_size(arrays["packed"][row : row + 1])[0] == 0).save(page, "png")
            alphabet = arrays["alphabet_names"][arrays["alphabet"][row]]
            letter, number = arrays["character_in_alphabet"][row], arrays["character"][row]
            name = f"{alphabet}/character{letter:02d}/{number:04d}_{arrays['drawer'][row]:02d}.png"
            archive.writestr(f"images_background/{name}", page.getvalue())
    np.testing.assert_array_equal(omniglot_official.read(path), arrays["images"][chosen])


def test_reduced_drawings_keep_the_amount_of_ink(arrays: dict[str, np.ndarray]) -> None:
    chosen = slice(None, None, 50)
    full = full_size(arrays["packed"][chosen]).mean((1, 2))
    reduced = (arrays["images"][chosen] / 255).mean((1, 2))
    assert np.abs(reduced.mean() / full.mean() - 1) < 0.01


def test_latin_letters_are_upright_like_printed_ones(arrays: dict[str, np.ndarray], likeliest_turn) -> None:
    latin = int(np.flatnonzero(arrays["alphabet_names"] == "Latin")[0])
    rows = arrays["alphabet"] == latin
    letters = arrays["images"][rows] / 255
    drawn = np.stack([letters[arrays["character_in_alphabet"][rows] == n].mean(0) for n in range(1, 27)])
    assert likeliest_turn(drawn, np.stack([printed(letter) for letter in "abcdefghijklmnopqrstuvwxyz"])) == "upright"


def test_training_and_validation_together_are_all_background_drawings(arrays: dict[str, np.ndarray]) -> None:
    data = omniglot_official.load().data
    learned = np.concatenate([data.train.grey[:, 0].numpy(), data.valid.grey[:, 0].numpy()])
    background = arrays["images"][arrays["evaluation"] == 0]
    assert sorted(map(bytes, (learned * 255).round().astype(np.uint8))) == sorted(map(bytes, background))
    np.testing.assert_array_equal(
        data.test.grey[:, 0].numpy(), arrays["images"][arrays["evaluation"] == 1].astype(np.float32) / 255
    )


def printed(letter: str) -> np.ndarray:
    """A letter in print, 28x28, blurred by reduction, ink = 1."""
    figure = plt.figure(figsize=(1.12, 1.12), dpi=100)
    figure.text(0.5, 0.5, letter, fontsize=64, ha="center", va="center")
    figure.canvas.draw()
    page = 1 - np.asarray(figure.canvas.buffer_rgba())[..., 0] / 255
    plt.close(figure)
    return page.reshape(28, 4, 28, 4).mean((1, 3))
