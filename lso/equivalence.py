"""Which subtrees mean the same, guessed from nothing but scores.

Two strings that differ in one subtree and have the same score suggest that the two subtrees mean the same; two with
different scores prove that they do not. What is suggested several times and never disproved is taken to be so. A search
that may know nothing but strings and scores thus stops asking for `x * 1`, `1 * x` and `( x )` one after the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.grammar.parser import Refused
from pipelines.sequences.language import Derivations

_LONGEST = 6  # rules of a subtree that is compared
_MOST = 30  # subtrees compared in one context
_EVIDENCE = 3  # suggestions without which nothing is believed
_DIGITS = 7


class Equivalence:
    """Short forms of strings, by subtrees that seem to mean the same.

    Args:
        language: of the strings.
        strings: with known scores.
        scores: theirs. The most frequent one is no evidence: it is what all bad strings have.
    """

    def __init__(self, language: Derivations, strings: Sequence[str], scores: NDArray[np.float64]) -> None:
        self._language = language
        self._nonterminals = [rule.nonterminals for rule in language.grammar.rules]
        self._lhs = [rule.lhs for rule in language.grammar.rules]
        self._short: dict[str, bytes] = {}
        self._form = _representatives(self._votes(strings, np.round(scores, _DIGITS)))

    def form(self, string: str) -> bytes:
        """What strings share that seem to mean the same; the string itself where it is no sentence."""
        if string not in self._short:
            self._short[string] = self._reduced(string)
        return self._short[string]

    def _reduced(self, string: str) -> bytes:
        try:
            sequence = self._language.parse(string)
        except Refused:
            return string.encode()
        stack: list[bytes] = []
        for rule in reversed(sequence):
            children = [stack.pop() for _ in self._nonterminals[rule]]
            whole = bytes([rule]) + b"".join(children)
            key = (self._lhs[rule], whole)
            stack.append(self._form.get(key, key)[1])
        return stack[-1]

    def _votes(self, strings: Sequence[str], scores: NDArray[np.float64]) -> dict[tuple, list[int]]:
        """Of pairs of subtrees of one nonterminal: how often their scores were equal, and how often not."""
        common = Counter(scores.tolist()).most_common(1)[0][0] if len(scores) else None
        contexts: dict[bytes, list[tuple[tuple[int, bytes], float]]] = defaultdict(list)
        for string, score in zip(strings, scores.tolist(), strict=True):
            if score == common:
                continue
            try:
                sequence = self._language.parse(string)
            except Refused:
                continue
            for start, end in self._spans(sequence):
                subtree = (self._lhs[sequence[start]], sequence[start:end])
                context = bytes([subtree[0], start]) + sequence[:start] + b"\xff" + sequence[end:]
                contexts[context].append((subtree, score))
        votes: dict[tuple, list[int]] = defaultdict(lambda: [0, 0])
        for entries in contexts.values():
            kept = entries[:_MOST]
            for place, (one, score) in enumerate(kept):
                for other, its_score in kept[:place]:
                    votes[min(one, other), max(one, other)][score != its_score] += 1
        return votes

    def _spans(self, sequence: bytes) -> list[tuple[int, int]]:
        """Where short subtrees begin and end."""
        ends: list[int] = []
        found = []
        for place in range(len(sequence) - 1, -1, -1):
            end = place + 1
            for _ in self._nonterminals[sequence[place]]:
                end = ends.pop()
            ends.append(end)
            if end - place <= _LONGEST:
                found.append((place, end))
        return found


def _representatives(votes: dict[tuple, list[int]]) -> dict[tuple[int, bytes], tuple[int, bytes]]:
    """The shortest subtree of every set that seems to mean the same."""
    parent: dict[tuple[int, bytes], tuple[int, bytes]] = {}

    def root(node: tuple[int, bytes]) -> tuple[int, bytes]:
        while parent.get(node, node) != node:
            node = parent[node]
        return node

    for (one, other), (equal, different) in votes.items():
        if equal >= _EVIDENCE and not different:
            first, second = sorted((root(one), root(other)), key=lambda node: (len(node[1]), node[1]))
            parent.setdefault(first, first)
            parent[second] = first
    return {node: root(node) for node in list(parent)}
