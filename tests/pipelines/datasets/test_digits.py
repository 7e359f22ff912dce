from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits

from pipelines.datasets import digits


def test_all_digits_are_used_once() -> None:
    data = digits.load().data
    parts = (data.train, data.valid, data.test)
    levels = torch.cat([split.x for split in parts]).mul(16).round().byte().numpy()
    assert sorted(map(bytes, levels)) == sorted(map(bytes, load_digits().images.astype(np.uint8)))


def test_labels_stay_with_their_images() -> None:
    bunch = load_digits()
    known = {bytes(image.astype(np.uint8)): label for image, label in zip(bunch.images, bunch.target, strict=True)}
    split = digits.load().data.test
    levels = split.x.mul(16).round().byte().numpy()
    assert [known[bytes(image)] for image in levels] == split.y.tolist()
