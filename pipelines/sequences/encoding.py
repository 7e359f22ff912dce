"""Many strings to one tensor. What cannot be encoded is counted and named, and stops nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from pipelines import console
from pipelines.grammar.parser import Refused
from pipelines.sequences.language import Language

_PIECE = 1000  # strings between two updates of the progress bar


@dataclass(frozen=True)
class Report:
    """What became of some strings.

    Attributes:
        total: strings there were.
        refused: how many were refused, by reason.
        examples: the first refused string of every reason, in words.
    """

    total: int
    refused: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def encoded(self) -> int:
        """Strings that were not refused."""
        return self.total - sum(self.refused.values())

    def __str__(self) -> str:
        reasons = "; ".join(f"{count:,} {reason} ({self.examples[reason]})" for reason, count in self.refused.items())
        return f"{self.encoded:,} of {self.total:,} strings encoded" + (f", refused: {reasons}" if reasons else "")


@dataclass(frozen=True)
class Encoded:
    """Encoded strings.

    Attributes:
        sequences: numbers of symbols, padded.
        rows: which of the strings they are.
        report: what became of the others.
    """

    sequences: UInt8[Tensor, "N length"]
    rows: Int[Tensor, " N"]
    report: Report


def encode(strings: Sequence[str], language: Language, *, title: str = "encoding") -> Encoded:
    """All strings of the language that are no longer than its sequences, in their order."""
    found, rows = bytearray(), []
    refused: Counter[str] = Counter()
    examples: dict[str, str] = {}
    with console.progress() as bar:
        task = bar.add_task(title, total=len(strings))
        for start in range(0, len(strings), _PIECE):
            piece = strings[start : start + _PIECE]
            for row, text in enumerate(piece, start):
                try:
                    found += language.encode(text)
                    rows.append(row)
                except Refused as error:
                    refused[error.reason] += 1
                    examples.setdefault(error.reason, str(error).partition(": ")[2] or repr(text))
            bar.advance(task, len(piece))
    sequences = np.frombuffer(bytes(found), dtype=np.uint8).reshape(-1, language.length)
    report = Report(len(strings), dict(refused), examples)
    return Encoded(torch.from_numpy(sequences.copy()), torch.tensor(rows, dtype=torch.long), report)
