"""Pieces of strings as features: subtrees of derivations, or neighboring tokens."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.sequences.language import Derivations, Language

FEATURES = 512
_LEVELS = 3  # a node, with its children, with theirs
_NEIGHBORS = 4  # tokens in the longest piece


def fragments(language: Language, sequences: Sequence[bytes]) -> NDArray[np.float32]:
    """How often each of `FEATURES` hashed pieces occurs in sequences of a language: (N, FEATURES).

    Of derivations, the pieces are the nodes of the tree with what is below them, up to three levels deep, and whole
    subtrees; of other languages, up to four neighboring tokens.
    """
    pieces = _Subtrees(language) if isinstance(language, Derivations) else functools.partial(_grams, language)
    counts = np.zeros((len(sequences), FEATURES), np.float32)
    for row, sequence in enumerate(sequences):
        counts[row] = np.bincount(pieces(sequence), minlength=FEATURES)
    return counts


def _grams(language: Language, sequence: bytes) -> list[int]:
    tokens = sequence.rstrip(bytes([language.padding]))
    return [
        _hashed(tokens[place : place + size])
        for size in range(1, _NEIGHBORS + 1)
        for place in range(len(tokens) - size + 1)
    ]


class _Node(NamedTuple):
    """A subtree: its pieces by level, as a whole, and what each of these is hashed to."""

    levels: list[bytes]
    whole: bytes
    hashed: list[int]


class _Subtrees:
    """The hashed pieces of derivations; a subtree that many of them share is looked at once."""

    def __init__(self, language: Derivations) -> None:
        self._padding = language.padding
        self._arity = [len(rule.nonterminals) for rule in language.grammar.rules]
        self._known: dict[bytes, _Node] = {}

    def __call__(self, sequence: bytes) -> list[int]:
        """In reverse pre-order a node's children are on top of the stack."""
        stack: list[_Node] = []
        found: list[int] = []
        for rule in reversed(sequence):
            if rule == self._padding:
                continue
            node = self._node(bytes([rule]), [stack.pop() for _ in range(self._arity[rule])])
            stack.append(node)
            found.extend(node.hashed)
        return found

    def _node(self, head: bytes, children: list[_Node]) -> _Node:
        whole = head + b"(" + b",".join([child.whole for child in children]) + b")"
        node = self._known.get(whole)
        if node is None:
            levels = [head]
            for level in range(1, _LEVELS):
                levels.append(head + b"(" + b",".join([child.levels[level - 1] for child in children]) + b")")
            hashed = [_hashed(bytes([index]) + piece) for index, piece in enumerate([*levels, whole])]
            node = self._known[whole] = _Node(levels, whole, hashed)
        return node


def _hashed(piece: bytes) -> int:
    return zlib.crc32(piece) % FEATURES
