from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from pipelines.datasets import frey_faces


@pytest.fixture
def faces(kept: Path) -> np.ndarray:
    data = frey_faces.load().data
    return np.concatenate([split.x[:, 0].numpy() for split in (data.train, data.valid, data.test)])


def test_neighboring_pixels_are_alike_in_both_directions(faces: np.ndarray) -> None:
    """They are not where the two sides of a picture are taken for each other."""

    def roughness(pictures: np.ndarray) -> float:
        return float(np.abs(np.diff(pictures, axis=1)).mean() + np.abs(np.diff(pictures, axis=2)).mean())

    assert roughness(faces) < 0.6 * roughness(faces.reshape(-1, 20, 28))


def test_a_face_is_its_own_mirror_image_rather_than_upside_down(faces: np.ndarray) -> None:
    face = faces.mean(0)

    def likeness(other: np.ndarray) -> float:
        return float(np.corrcoef(face.ravel(), other.ravel())[0, 1])

    assert likeness(face[:, ::-1]) > likeness(face[::-1]) + 0.2


def test_the_part_that_moves_most_is_the_mouth_below_the_middle(faces: np.ndarray) -> None:
    rows = faces[:, :, 5:15].std(0).mean(1)
    assert 14 < rows.argmax() < 27


def test_all_frames_are_used_once(kept: Path, faces: np.ndarray) -> None:
    frames = loadmat(kept / "frey-faces" / "frey_rawface.mat")["ff"].T
    levels = (faces * 256 - 0.5).astype(np.uint8).reshape(-1, 560)
    assert sorted(map(bytes, levels)) == sorted(map(bytes, frames))
