"""Pieces of strings as features: subtrees of derivations, or neighboring tokens."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

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
    counts = np.zeros((len(sequences), FEATURES), np.float32)
    for row, sequence in enumerate(sequences):
        for piece in _subtrees(language, sequence) if isinstance(language, Derivations) else _grams(language, sequence):
            counts[row, zlib.crc32(piece) % FEATURES] += 1
    return counts


def _grams(language: Language, sequence: bytes) -> list[bytes]:
    tokens = sequence.rstrip(bytes([language.padding]))
    return [
        tokens[place : place + size] for size in range(1, _NEIGHBORS + 1) for place in range(len(tokens) - size + 1)
    ]


def _subtrees(language: Derivations, sequence: bytes) -> list[bytes]:
    """In reverse pre-order a node's children are on top of the stack, each as its pieces by level and as a whole."""
    arity = [len(rule.nonterminals) for rule in language.grammar.rules]
    stack: list[tuple[list[bytes], bytes]] = []
    found: list[bytes] = []
    for rule in reversed(sequence):
        if rule == language.padding:
            continue
        children = [stack.pop() for _ in range(arity[rule])]
        head = bytes([rule])
        levels = [head]
        for level in range(1, _LEVELS):
            levels.append(head + b"(" + b",".join(child[0][level - 1] for child in children) + b")")
        whole = head + b"(" + b",".join(child[1] for child in children) + b")"
        stack.append((levels, whole))
        found.extend({bytes([index]) + piece for index, piece in enumerate([*levels, whole])})
    return found
