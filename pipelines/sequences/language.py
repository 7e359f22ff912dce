"""How strings are written as sequences of symbols, and which sequences are strings."""

from __future__ import annotations

import functools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor, nn

from methods.core.errors import BadInput
from pipelines.grammar import decoding
from pipelines.grammar.cfg import Grammar, Tables, tables
from pipelines.grammar.derivation import writer
from pipelines.grammar.parser import Parser, Refused


class Language(nn.Module, ABC):
    """Sequences of `length` numbers below `symbols`, padded at the end, and the strings they stand for.

    A module for the tables that it keeps on the device of the scores it decodes; it has neither parameters nor state.

    Args:
        length: of every sequence.
        symbols: how many there are, with the padding.
        padding: number of the symbol that fills sequences up.

    Attributes:
        name: the one that `languages` knows it by, where it does.
    """

    name: str = ""

    def __init__(self, length: int, symbols: int, padding: int) -> None:
        super().__init__()
        self.length, self.symbols, self.padding = length, symbols, padding

    @property
    @abstractmethod
    def definition(self) -> str:
        """All that decides how a string is encoded, in words: two languages with the same one encode alike."""

    def encode(self, text: str) -> bytes:
        """The symbols of a string, padded.

        Raises:
            Refused: no string of this language, or longer than `length`.
        """
        found = self.parse(text)
        if len(found) > self.length:
            raise Refused("too long", f"{text!r} takes {len(found)} symbols, and {self.length} is the limit")
        return found.ljust(self.length, bytes([self.padding]))

    @abstractmethod
    def parse(self, text: str) -> bytes:
        """The symbols of a string, without padding.

        Raises:
            Refused: no string of this language.
        """

    @abstractmethod
    def write(self, sequences: UInt8[Tensor, "N length"]) -> list[str]:
        """The strings that sequences stand for; empty for a sequence that is none."""

    @abstractmethod
    def greedy(self, logits: Float[Tensor, "B length symbols"]) -> UInt8[Tensor, "B length"]:
        """At every place the best of the symbols that may stand there."""

    @abstractmethod
    def unrolled(self, scores: decoding.Step, batch: int) -> UInt8[Tensor, "B length"]:
        """The same, symbol after symbol, where the scores of a place depend on the symbols chosen before it."""

    @abstractmethod
    def allowed(self, sequences: Int[Tensor, "B length"]) -> Bool[Tensor, "B length symbols"]:
        """The symbols that may stand at every place, after those before it."""

    def sample(
        self, logits: Float[Tensor, "B length symbols"], *, generator: torch.Generator | None = None
    ) -> UInt8[Tensor, "B length"]:
        """At every place a draw from the softmax over the symbols that may stand there (Gumbel-max)."""
        return self.greedy(decoding.perturbed(logits, generator=generator))


class Derivations(Language):
    """Symbols are the rules of a grammar, in the order of the left-most derivation. Every sequence is a sentence.

    Raises:
        BadInput: no sentence of the grammar fits into the length.
    """

    lhs: Tensor
    cost: Tensor
    pushed: Tensor
    pushes: Tensor
    shortest: Tensor

    def __init__(self, grammar: Grammar, length: int) -> None:
        super().__init__(length, len(grammar.rules), grammar.padding)
        self.grammar = grammar
        own = tables(grammar)
        decoding.check_length(own, length)
        for name, table in own._asdict().items():
            self.register_buffer(name, table, persistent=False)

    @property
    def definition(self) -> str:
        rules = [self.grammar.written(number) for number in range(self.symbols)]
        return f"{self.length} rules of {rules}"

    def parse(self, text: str) -> bytes:
        return _parser(self.grammar).parse(text)

    def write(self, sequences: UInt8[Tensor, "N length"]) -> list[str]:
        return writer(self.grammar).write_all(sequences)

    def greedy(self, logits: Float[Tensor, "B length symbols"]) -> UInt8[Tensor, "B length"]:
        return decoding.greedy(logits, self._tables())

    def unrolled(self, scores: decoding.Step, batch: int) -> UInt8[Tensor, "B length"]:
        return decoding.unrolled(scores, self._tables(), batch, self.length)

    def allowed(self, sequences: Int[Tensor, "B length"]) -> Bool[Tensor, "B length symbols"]:
        return decoding.allowed(sequences, self._tables())

    def _tables(self) -> Tables:
        return Tables(self.lhs, self.cost, self.pushed, self.pushes, self.shortest)


class Tokens(Language):
    """Symbols are pieces of text, one after the other. Any sequence may be written, so not every one means something.

    Args:
        tokens: all of them. The padding comes after the last one.
        length: of every sequence.
        separator: what stands between two tokens in a string.
        spell: from a string to the text that is cut into tokens, where they differ.
        unspell: its inverse, applied to written sequences.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        length: int,
        *,
        separator: str = "",
        spell: Callable[[str], str] = str,
        unspell: Callable[[str], str] = str,
    ) -> None:
        super().__init__(length, len(tokens) + 1, len(tokens))
        if len(set(tokens)) < len(tokens) or not all(tokens):
            raise BadInput("tokens must be distinct and not empty: remove what is there twice")
        self.tokens, self.separator = tuple(tokens), separator
        self._spell, self._unspell = spell, unspell
        self._numbers = {token: number for number, token in enumerate(tokens)}
        longest_first = sorted(tokens, key=lambda token: (-len(token), token))
        self._lexer = re.compile("|".join(re.escape(token) for token in longest_first))

    @property
    def definition(self) -> str:
        spelled_by = getattr(self._spell, "__qualname__", "")
        return f"{self.length} tokens of {self.tokens}, separator {self.separator!r}, spelled by {spelled_by}"

    def parse(self, text: str) -> bytes:
        spelled = self._spell(text)
        found = self._lexer.findall(spelled)
        if not found:
            raise Refused("empty" if not text.strip() else "unknown token", repr(text))
        if self.separator.join(found) != spelled:
            rest = self._lexer.sub("", spelled).strip(self.separator) or spelled
            raise Refused("unknown token", f"{text!r} holds {rest[0]!r}, which is no token")
        return bytes(self._numbers[token] for token in found)

    def write(self, sequences: UInt8[Tensor, "N length"]) -> list[str]:
        tokens, padding = self.tokens, self.padding
        rows = (row[: _count_until(row, padding)] for row in sequences.cpu().tolist())
        return [self._unspell(self.separator.join([tokens[number] for number in row])) for row in rows]

    @torch.no_grad()
    def greedy(self, logits: Float[Tensor, "B length symbols"]) -> UInt8[Tensor, "B length"]:
        best = logits.argmax(-1)
        best[:, 0] = logits[:, 0, :-1].argmax(-1)  # no string is empty
        ended = (best == self.padding).cumsum(1) > 0
        return best.masked_fill(ended, self.padding).to(torch.uint8)

    @torch.no_grad()
    def unrolled(self, scores: decoding.Step, batch: int) -> UInt8[Tensor, "B length"]:
        first = scores(0, None)
        chosen = [first[:, :-1].argmax(-1)]
        ended = torch.zeros(batch, dtype=torch.bool, device=first.device)
        for place in range(1, self.length):
            best = scores(place, chosen[-1]).argmax(-1).masked_fill(ended, self.padding)
            ended = best == self.padding
            chosen.append(best)
        return torch.stack(chosen, 1).to(torch.uint8)

    def allowed(self, sequences: Int[Tensor, "B length"]) -> Bool[Tensor, "B length symbols"]:
        is_padding = torch.arange(self.symbols, device=sequences.device) == self.padding
        ended_before = ((sequences == self.padding).cumsum(1) - (sequences == self.padding).long()) > 0
        mask = ~ended_before.unsqueeze(-1) | is_padding
        mask[:, 0] = ~is_padding
        return mask


def _count_until(row: list[int], padding: int) -> int:
    return row.index(padding) if padding in row else len(row)


@functools.lru_cache(maxsize=8)
def _parser(grammar: Grammar) -> Parser:
    return Parser(grammar)
