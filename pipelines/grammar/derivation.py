"""Rule sequences to strings."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from jaxtyping import UInt8
from torch import Tensor

from pipelines.grammar.cfg import Grammar


class Writer:
    """The strings that rule sequences derive.

    Every rule is split at its nonterminals into pieces of text. The text after the last nonterminal is put before what
    waits for the rule's own end, so that every rule takes one step, however deep the tree.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._separator = grammar.separator
        self._padding = grammar.padding
        self._pieces = [_pieces(rule.symbols, grammar.separator) for rule in grammar.rules]

    def write(self, rules: Iterable[int]) -> str:
        """The string of one derivation; padding may follow. Empty if the derivation is not complete.

        That every rule rewrites the nonterminal it stands for is not checked: a parser or a decoder has seen to it.
        """
        written: list[str] = []
        waiting: list[str] = [""]
        padding = self._padding
        for rule in rules:
            if not waiting or rule == padding:
                break
            head, middle, tail = self._pieces[rule]
            written.append(head)
            if tail is None:
                written.append(waiting.pop())
                continue
            waiting[-1] = tail + waiting[-1]
            waiting.extend(middle)
        text = "" if waiting else "".join(written)
        return text.removesuffix(self._separator) if self._separator else text

    def write_all(self, sequences: UInt8[Tensor, "N length"]) -> list[str]:
        """The strings of many sequences."""
        return [self.write(row) for row in _rows(sequences)]


def _rows(sequences: UInt8[Tensor, "N length"]) -> Iterable[bytes]:
    data, length = sequences.cpu().contiguous().numpy().tobytes(), sequences.shape[1]
    return (data[start : start + length] for start in range(0, len(data), length))


def _pieces(symbols: tuple[int | str, ...], separator: str) -> tuple[str, tuple[str, ...], str | None]:
    """Text before the first nonterminal; texts between nonterminals, the last first; text after, None without any."""
    texts = [""]
    for symbol in symbols:
        if isinstance(symbol, str):
            texts[-1] += symbol + separator
        else:
            texts.append("")
    if len(texts) == 1:
        return texts[0], (), None
    return texts[0], tuple(reversed(texts[1:-1])), texts[-1]


@functools.lru_cache(maxsize=8)
def writer(grammar: Grammar) -> Writer:
    """The grammar's writer, made once."""
    return Writer(grammar)
