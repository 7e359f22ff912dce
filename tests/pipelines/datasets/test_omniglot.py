from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from methods.core.errors import BadInput
from pipelines.datasets import omniglot
from pipelines.datasets.download import RemoteFile

TRAIN, TEST, TOGETHER = 24_345, 8_070, 32_415


@pytest.fixture(scope="module")
def drawings() -> tuple[np.ndarray, np.ndarray]:
    """Made-up drawings (N, 28, 28) that are all different, and alphabets (N,)."""
    random = np.random.default_rng(0)
    images = np.zeros((TOGETHER, 28, 28), dtype=np.uint8)
    numbers = np.arange(TOGETHER)[:, None] >> np.arange(16) & 1
    images[:, 3, 2:18] = numbers  # each shows its own number in one row
    return images, random.integers(0, 50, TOGETHER)


@pytest.fixture
def written(drawings: tuple[np.ndarray, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of the same layout as the real one: column by column, a drawing a column, alphabets as unit vectors."""
    images, alphabets = drawings
    columns = images.swapaxes(1, 2).reshape(TOGETHER, 784).T
    units = np.eye(50, dtype=np.uint8)[alphabets].T
    path = tmp_path / "omniglot" / "chardata.mat"
    path.parent.mkdir()
    parts = {"data": columns[:, :TRAIN], "target": units[:, :TRAIN]}
    savemat(path, parts | {"testdata": columns[:, TRAIN:], "testtarget": units[:, TRAIN:]})
    monkeypatch.setenv("LATENT_ORCHESTRA_DATA", str(tmp_path))
    return path


def test_drawings_stored_by_columns_are_read_upright(drawings: tuple[np.ndarray, np.ndarray], written: Path) -> None:
    images, alphabets = drawings
    (train, labels), (test, _) = omniglot.read(written)
    np.testing.assert_array_equal(train[:, 0], images[:TRAIN])
    np.testing.assert_array_equal(test[:, 0], images[TRAIN:])
    np.testing.assert_array_equal(labels, alphabets[:TRAIN])


def test_the_split_is_that_of_the_iwae_code(drawings: tuple[np.ndarray, np.ndarray], written: Path) -> None:
    images, alphabets = drawings
    order = np.random.RandomState(seed=123).permutation(TRAIN)
    data = omniglot.load().data
    np.testing.assert_array_equal(data.train.grey[:, 0].numpy(), images[order[:-1345]])
    np.testing.assert_array_equal(data.valid.y.numpy(), alphabets[order[-1345:]])
    assert (len(data.train), len(data.valid), len(data.test)) == (23_000, 1345, 8070)


@pytest.mark.parametrize("content", [b"", b"<html>please log in</html>", b"MATLAB 5.0 MAT-file" + bytes(500)])
def test_a_file_with_something_else_in_it_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "chardata.mat"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"chardata.mat does not hold Omniglot's .*: delete it and run again"):
        omniglot.read(path)


def test_a_truncated_file_is_refused(written: Path) -> None:
    written.write_bytes(written.read_bytes()[:-10_000])
    with pytest.raises(BadInput, match="delete it and run again"):
        omniglot.read(written)


def test_a_file_with_too_few_drawings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chardata.mat"
    part = {"data": np.eye(784), "target": np.eye(784)}
    savemat(path, part | {"testdata": np.eye(784), "testtarget": np.eye(784)})
    with pytest.raises(BadInput, match="24,345"):
        omniglot.read(path)


def test_the_file_is_declared_with_the_addresses_that_papers_use() -> None:
    assert isinstance(omniglot._FILE, RemoteFile)
    assert all("yburda/iwae" in url and url.startswith("https://") for url in omniglot._FILE.urls)
