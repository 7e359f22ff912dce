"""What a data set is."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from methods.core.base import Data, Split

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Dataset:
    """Three splits and what a network has to know of them.

    Attributes:
        data: the splits, on the CPU: x and grey are float32 in [0, 1] with shape (N, channels, height, width), or for
            sequences the numbers of their symbols, uint8 (N, length).
        classes: number of classes, 0 without labels.
        likelihood: the likelihood that the field uses for these data, by its name in `pipelines.networks.likelihoods`.
    """

    data: Data
    classes: int
    likelihood: str = "bernoulli"

    @property
    def event(self) -> tuple[int, ...]:
        """Shape of one datum."""
        return self.data.train.event

    @cached_property
    def checksum(self) -> str:
        """Hash of all values of all splits: two data sets with the same checksum train the same methods."""
        digest = hashlib.blake2b(digest_size=16)
        for name, array in sorted(to_arrays(self).items()):
            digest.update(f"{name}{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def unbinarized(data: Data) -> Data:
    """The same rows, their intensities in place of draws: what the likelihood sees is what everything else sees."""

    def split(rows: Split) -> Split:
        return Split(rows.grey, rows.grey, rows.y, symbols=rows.symbols)

    return Data(split(data.train), split(data.valid), split(data.test))


def to_arrays(dataset: Dataset) -> Arrays:
    """The data set as named numpy arrays, which processes on a node can share without copying."""
    arrays: Arrays = {"classes": np.array(dataset.classes), "likelihood": np.array(dataset.likelihood)}
    for part in ("train", "valid", "test"):
        split: Split = getattr(dataset.data, part)
        arrays[f"{part}.x"] = split.x.numpy()
        arrays[f"{part}.redraw"] = np.array(split.redraw)
        if split.symbols:
            arrays[f"{part}.symbols"] = np.array(split.symbols)
        if split.grey is not split.x:
            arrays[f"{part}.grey"] = split.grey.numpy()
        if split.y is not None:
            arrays[f"{part}.y"] = split.y.numpy()
    return arrays


def from_arrays(arrays: Arrays) -> Dataset:
    """The inverse of `to_arrays`. The tensors share the arrays' memory and must not be written to."""

    def tensor(name: str) -> torch.Tensor:
        with warnings.catch_warnings():  # memory shared between processes is read-only, and nothing here writes
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return torch.from_numpy(arrays[name])

    def split(part: str) -> Split:
        x = tensor(f"{part}.x")
        grey = tensor(f"{part}.grey") if f"{part}.grey" in arrays else x
        y = tensor(f"{part}.y") if f"{part}.y" in arrays else None
        symbols = int(arrays[f"{part}.symbols"]) if f"{part}.symbols" in arrays else 0
        return Split(x, grey, y, bool(arrays[f"{part}.redraw"]), symbols)

    data = Data(split("train"), split("valid"), split("test"))
    return Dataset(data, int(arrays["classes"]), str(arrays["likelihood"]))
