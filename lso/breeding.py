"""Children of strings, by their symbols: what a genetic algorithm does, in the language that strings are written in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from lso import ranks
from methods.core.errors import BadInput
from pipelines.grammar.parser import Refused
from pipelines.sequences.language import Derivations, Language, Tokens

_CROSSED = 0.5  # share of children with two parents
_TRIES = 20
_EDITS = 3  # of tokens, at most


class Breeds(Protocol):
    """A way to make children of strings."""

    def children(self, parents: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
        """At most `count` children of parents, the first of which are the fittest."""


class Breeder:
    """Crosses and mutates strings of a language.

    Of derivations, a child has a subtree of one parent in place of one of the same nonterminal in another (Koza 1992),
    or a random one. Of tokens, it begins like one parent and ends like another, or has a few tokens replaced, inserted
    or left out; new tokens are some of another parent, so that none comes up which the data never had.

    Args:
        language: of the strings.
    """

    def __init__(self, language: Language) -> None:
        if not isinstance(language, Derivations | Tokens):
            raise BadInput("strings of this language cannot be bred")
        self.language = language
        self._stock: dict[int, list[bytes]] = {}

    def children(self, parents: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
        """`count` children of parents, the first of which are the fittest; fewer where parents cannot be read."""
        sequences = self._read(parents)
        if not sequences:
            return []
        pairs = ranks.draw(len(sequences), (count, 2), random)
        crossed = random.random(count) < _CROSSED
        made = [
            (self._cross if both else self._mutate)(sequences[one], sequences[other], random)
            for (one, other), both in zip(pairs, crossed, strict=True)
        ]
        return self._write([child for child in made if child is not None])

    def _read(self, strings: Sequence[str]) -> list[bytes]:
        found = []
        for string in strings:
            try:
                found.append(self.language.parse(string))
            except Refused:
                continue
        return found

    def _write(self, sequences: list[bytes]) -> list[str]:
        if not sequences:
            return []
        padding = bytes([self.language.padding])
        data = b"".join(sequence.ljust(self.language.length, padding) for sequence in sequences)
        return self.language.write(torch.frombuffer(bytearray(data), dtype=torch.uint8).view(len(sequences), -1))

    def _cross(self, one: bytes, other: bytes, random: np.random.Generator) -> bytes | None:
        if isinstance(self.language, Tokens):
            child = one[: random.integers(1, len(one) + 1)] + other[random.integers(len(other)) :]
            return child if len(child) <= self.language.length else None
        return self._graft(one, other, random)

    def _mutate(self, parent: bytes, other: bytes, random: np.random.Generator) -> bytes | None:
        if isinstance(self.language, Tokens):
            return self._edit(parent, other, random)
        symbol = self._lhs(parent[random.integers(len(parent))])
        return self._graft(parent, self._random_tree(symbol, random), random, symbol)

    def _edit(self, parent: bytes, other: bytes, random: np.random.Generator) -> bytes | None:
        tokens = list(parent)
        for _ in range(random.integers(1, _EDITS + 1)):
            place, kind = int(random.integers(len(tokens))), random.integers(3)
            token = other[random.integers(len(other))]
            if kind == 0:
                tokens[place] = token
            elif kind == 1:
                tokens.insert(place, token)
            elif len(tokens) > 1:
                del tokens[place]
        return bytes(tokens) if len(tokens) <= self.language.length else None

    def _graft(self, stem: bytes, donor: bytes, random: np.random.Generator, symbol: int | None = None) -> bytes | None:
        """A subtree of the donor in place of one of the stem, of the same nonterminal and short enough."""
        for _ in range(_TRIES):
            place = int(random.integers(len(stem)))
            wanted = self._lhs(stem[place])
            if symbol is not None and wanted != symbol:
                continue
            offered = [at for at, rule in enumerate(donor) if self._lhs(rule) == wanted]
            if symbol is not None:
                offered = offered[:1]
            if not offered:
                continue
            at = int(offered[random.integers(len(offered))])
            child = stem[:place] + donor[at : self._end(donor, at)] + stem[self._end(stem, place) :]
            if len(child) <= self.language.length:
                return child
        return None

    def _random_tree(self, symbol: int, random: np.random.Generator) -> bytes:
        """A random subtree of a nonterminal, from a stock of random sentences."""
        if not self._stock:
            generator = torch.Generator().manual_seed(int(random.integers(1 << 31)))
            equal = torch.zeros(500, self.language.length, self.language.symbols)
            for row in self.language.sample(equal, generator=generator).numpy():
                sentence = row.tobytes().rstrip(bytes([self.language.padding]))
                for place, rule in enumerate(sentence):
                    subtree = sentence[place : self._end(sentence, place)]
                    self._stock.setdefault(self._lhs(rule), []).append(subtree)
        stock = self._stock[symbol]
        return stock[random.integers(len(stock))]

    def _lhs(self, rule: int) -> int:
        return self._grammar().grammar.rules[rule].lhs

    def _end(self, sequence: bytes, place: int) -> int:
        """Where the subtree that begins at `place` ends."""
        rules = self._grammar().grammar.rules
        open_symbols = 1
        while open_symbols:
            open_symbols += len(rules[sequence[place]].nonterminals) - 1
            place += 1
        return place

    def _grammar(self) -> Derivations:
        if not isinstance(self.language, Derivations):
            raise TypeError("tokens have no rules")
        return self.language
