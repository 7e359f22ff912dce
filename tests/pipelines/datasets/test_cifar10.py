from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pipelines.datasets import cifar10
from pipelines.datasets.download import RemoteFile

NAMES = ["data_batch_1", "readme", "data_batch_3", "data_batch_4", "test_batch", "data_batch_5", "data_batch_2"]
SIZES = {name: 10 + number for number, name in enumerate(NAMES)}


def pictures(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Made-up levels (N, 32, 32, 3) and labels (N,), different in every batch."""
    random = np.random.default_rng(SIZES[name])
    return random.integers(0, 256, (SIZES[name], 32, 32, 3), dtype=np.uint8), random.integers(0, 10, SIZES[name])


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small batches in the layout of the binary version: label, then the red, green and blue plane, row by row."""
    path = tmp_path / "cifar-10" / "cifar-10-binary.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as tar:
        folder = tarfile.TarInfo("cifar-10-batches-bin")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name in NAMES:
            content = b"".join(
                bytes([label]) + b"".join(picture[:, :, color].tobytes() for color in range(3))
                for picture, label in zip(*pictures(name), strict=True)
            )
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.{'html' if name == 'readme' else 'bin'}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    declared = RemoteFile("cifar-10", path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(cifar10, "ARCHIVE", declared)
    monkeypatch.setenv("LATENT_ORCHESTRA_DATA", str(tmp_path))
    return path


def test_all_six_batches_are_read_whatever_their_order(archive: Path) -> None:
    assert set(cifar10.read(archive)) == set(NAMES) - {"readme"}


def test_planes_become_channels(archive: Path) -> None:
    images, labels = cifar10.read(archive)["data_batch_3"]
    expected, names = pictures("data_batch_3")
    np.testing.assert_array_equal(images.transpose(0, 2, 3, 1), expected)
    np.testing.assert_array_equal(labels, names)


def test_four_batches_train_and_the_fifth_validates(archive: Path) -> None:
    data = cifar10.load().data
    train = np.concatenate([pictures(f"data_batch_{number}")[1] for number in (1, 2, 3, 4)])
    np.testing.assert_array_equal(data.train.y.numpy(), train)
    for split, name in ((data.valid, "data_batch_5"), (data.test, "test_batch")):
        expected = (pictures(name)[0].transpose(0, 3, 1, 2) + 0.5) / 256
        np.testing.assert_array_equal(split.x.numpy(), expected)
