"""Sequences of a language as a data set."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Shaped, UInt8
from torch import Tensor

from methods.core.base import Data, Split
from methods.core.errors import BadInput
from pipelines import console
from pipelines.datasets.dataset import Dataset
from pipelines.sequences.encoding import Report
from pipelines.sequences.languages import language

_ORDER = 0  # seed of the one permutation


def shuffled(rows: Shaped[Tensor, "N *rest"]) -> Shaped[Tensor, "N *rest"]:
    """The rows in one fixed random order, the same for any as many."""
    return rows[torch.from_numpy(np.random.RandomState(_ORDER).permutation(len(rows)))]


def cut(language_name: str, sequences: UInt8[Tensor, "N length"], *, parts: int = 10) -> Dataset:
    """Sequences as a data set: the last of so many equal parts are its test, those before its validation.

    Args:
        language_name: one of `languages.names()`.
        sequences: in the order in which they are cut.
        parts: 10 cuts 8 : 1 : 1, 20 cuts 18 : 1 : 1; what cannot be shared out evenly is learned from.

    Raises:
        BadInput: a part is empty.
    """
    one = len(sequences) // parts
    return dataset(language_name, *sequences.split([len(sequences) - 2 * one, one, one]))


def dataset(
    language_name: str,
    train: UInt8[Tensor, "N length"],
    valid: UInt8[Tensor, "V length"],
    test: UInt8[Tensor, "T length"],
) -> Dataset:
    """Sequences of a language as a data set.

    Raises:
        BadInput: a part is empty.
    """
    if not (len(train) and len(valid) and len(test)):
        raise BadInput(
            f"{len(train)}, {len(valid)} and {len(test)} strings are too few to learn from: give at least 10"
        )
    symbols = language(language_name, train.shape[1]).symbols
    splits = (Split(part, part, symbols=symbols) for part in (train, valid, test))
    return Dataset(Data(*splits), classes=0, likelihood=language_name)


def announce(name: str, report: Report) -> None:
    """Say on standard error what could not be encoded."""
    if report.refused:
        console.ERR.print(f"{name}: {report}", style="yellow", markup=False, soft_wrap=True)
