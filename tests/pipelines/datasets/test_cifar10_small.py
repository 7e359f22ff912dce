from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.datasets import cifar10, cifar10_small
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile

AIRPLANE, SHIP = 0, 8


@pytest.fixture(scope="module")
def dataset(kept: Path) -> Dataset:
    return cifar10_small.load()


@pytest.fixture
def mean(dataset: Dataset) -> torch.Tensor:
    """The mean picture of airplanes and ships, which have the sky above them."""
    split = dataset.data.train
    return split.x[(split.y == AIRPLANE) | (split.y == SHIP)].mean(0)


def test_the_sky_is_above(mean: torch.Tensor) -> None:
    brightness = mean.mean(0)
    assert brightness[:8].mean() > brightness[-8:].mean() + 0.05


def test_left_and_right_differ_less_than_above_and_below(mean: torch.Tensor) -> None:
    brightness = mean.mean(0)
    assert (brightness[:, :8].mean() - brightness[:, -8:].mean()).abs() < 0.02


def test_the_sky_is_blue(mean: torch.Tensor) -> None:
    red, green, blue = mean[:, :8].mean((1, 2))
    assert blue > green > red


def test_the_archive_gives_the_same_rows_as_the_array_file(
    kept: Path, tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cifar-10" / "cifar-10-binary.tar"
    path.parent.mkdir()
    with np.load(kept / "cifar-10" / "cifar10_subset_10000_2000.npz", allow_pickle=False) as arrays:
        first = records(arrays["x_train"], arrays["y_train"])
        test = records(arrays["x_test"], arrays["y_test"])
    with tarfile.open(path, "w") as archive:
        for name, content in (("data_batch_1", first), ("test_batch", test + bytes(8000 * 3073))):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    declared = RemoteFile("cifar-10", path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(cifar10, "ARCHIVE", declared)
    monkeypatch.setenv("LATENT_ORCHESTRA_DATA", str(tmp_path))
    assert cifar10_small.load().checksum == dataset.checksum


def records(images: np.ndarray, labels: np.ndarray) -> bytes:
    """Rows of the binary version: a label, then the red, green and blue plane."""
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return np.concatenate([labels[:, None].astype(np.uint8), planes], axis=1).tobytes()
