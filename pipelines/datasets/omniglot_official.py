"""Dynamic Omniglot in its authors' split: 32,460 drawings of 1,623 letters of 50 alphabets, 28x28 pixels.

Split 17,935 / 1,345 / 13,180: the 19,280 background drawings are shuffled once, and the last 1,345 are for validation;
the evaluation drawings are for testing. No alphabet is in both, so there are no classes to learn, and no labels. Pages
of 105x105 black and white pixels are reduced to 28x28 gray ones by averaging, with ink = 1; training images are
binarized anew at every reading, validation and test images once.

Source: B. M. Lake, R. Salakhutdinov and J. B. Tenenbaum 2015, https://github.com/brendenlake/omniglot, MIT. A file
omniglot_28x28.npz with the reduced images is used where the user keeps one. Published likelihoods on Omniglot are those
of `omniglot`; results do not compare.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.datasets import splits
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch, present


def _file(name: str, sha256: str) -> RemoteFile:
    servers = (
        "https://raw.githubusercontent.com/brendenlake/omniglot/master/python",
        "https://github.com/brendenlake/omniglot/raw/master/python",
    )
    return RemoteFile("omniglot", name, tuple(f"{server}/{name}" for server in servers), sha256)


_BACKGROUND = _file("images_background.zip", "ad41ab679c8b5d90b271ef46be6987cc81211774a695c29dcc5367b2b26ee640")
_EVALUATION = _file("images_evaluation.zip", "1f61a8f3366785b057fc117d9228e78a16e3d976c8953b2a10fcc74cf0609cee")
_ARRAYS = RemoteFile(
    "omniglot",
    "omniglot_28x28.npz",
    sha256="6344e2848a53a6d93a9ef898c09598d74813277a621cc07425abb4b32bfe93de",
)


def load() -> Dataset:
    background, evaluation = _kept() if present(_ARRAYS) else (read(fetch(_BACKGROUND)), read(fetch(_EVALUATION)))
    train, valid = splits.cut(splits.permuted(_rows(background), seed=123), 17_935, 1_345)
    (test,) = splits.cut(_rows(evaluation), 13_180)
    return Dataset(splits.dynamically_binarized(train, valid, test), classes=0)


def read(path: Path) -> NDArray[np.uint8]:
    """All drawings of an archive, reduced (N, 28, 28), in the order of alphabets, letters and drawers."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("images_") and name.endswith(".png"))
        return np.stack([_reduced(archive.read(name)) for name in names])


def _reduced(png: bytes) -> NDArray[np.uint8]:
    page = Image.open(io.BytesIO(png)).convert("L")
    return 255 - np.asarray(page.resize((28, 28), Image.Resampling.BOX))


def _kept() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    with np.load(fetch(_ARRAYS), allow_pickle=False) as arrays:
        images, evaluation = arrays["images"], arrays["evaluation"].astype(bool)
    return images[~evaluation], images[evaluation]


def _rows(images: NDArray[np.uint8]) -> splits.Rows:
    return images[:, None].astype(np.float32) / 255, None
