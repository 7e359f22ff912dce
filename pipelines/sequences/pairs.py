"""Byte-pair encoding: which sequences of symbols are so common that each should be one symbol.

Source: R. Sennrich et al. 2016, after P. Gage 1994.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

_BETWEEN = -1

_Symbols = NDArray[np.int64]


def merged(sequences: UInt8[Tensor, "N length"], padding: int, count: int) -> list[tuple[int, ...]]:
    """The `count` sequences of symbols that come from joining the most frequent pair of neighbors, again and again.

    Deterministic: of pairs that are equally frequent the one of lower numbers is joined, symbols made earlier having
    lower ones. Fewer where no pair is left.

    Args:
        sequences: padded at the end.
        padding: number of the symbol that fills them up.
    """
    rows = np.pad(sequences.numpy().astype(np.int64), ((0, 0), (0, 1)), constant_values=padding).ravel()
    text = np.where(rows == padding, _BETWEEN, rows)
    parts: dict[int, tuple[int, ...]] = {symbol: (symbol,) for symbol in range(256)}
    for new in range(256, 256 + count):
        pair = _most_frequent(text, new)
        if pair is None:
            break
        parts[new] = parts[pair[0]] + parts[pair[1]]
        text = _joined(text, pair, new)
    return [parts[new] for new in range(256, len(parts))]


def _most_frequent(text: _Symbols, symbols: int) -> tuple[int, int] | None:
    """Of numbers below `symbols`; None where no two stand side by side."""
    within = (text[:-1] != _BETWEEN) & (text[1:] != _BETWEEN)
    counts = np.bincount(text[:-1][within] * symbols + text[1:][within])
    return divmod(int(counts.argmax()), symbols) if len(counts) else None


def _joined(text: _Symbols, pair: tuple[int, int], new: int) -> _Symbols:
    """`new` in place of the pair, wherever it stands; of overlapping ones, from the left."""
    found = np.flatnonzero((text[:-1] == pair[0]) & (text[1:] == pair[1]))
    if pair[0] == pair[1]:
        runs = np.split(found, np.flatnonzero(np.diff(found) > 1) + 1)
        found = np.concatenate([run[::2] for run in runs])
    text = text.copy()
    text[found] = new
    return np.delete(text, found + 1)
