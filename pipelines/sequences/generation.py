"""Random sentences of a language, for data that need no download."""

from __future__ import annotations

import torch
from jaxtyping import UInt8
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.sequences.language import Language

_ROUND = 10_000


def generate(language: Language, count: int, *, seed: int = 0) -> UInt8[Tensor, "count length"]:
    """`count` distinct sequences: at every step one of the symbols that may stand there, all equally likely.

    Raises:
        BadInput: the language has hardly as many that fit into its length.
    """
    generator = torch.Generator().manual_seed(seed)
    equal = torch.zeros(_ROUND, language.length, language.symbols)
    found: dict[bytes, None] = {}
    while len(found) < count:
        before = len(found)
        for row in language.sample(equal, generator=generator).numpy():
            found.setdefault(row.tobytes())
        if len(found) - before < _ROUND / 100:
            raise BadInput(f"only about {len(found)} distinct strings were found: ask for fewer, or for longer ones")
    rows = torch.frombuffer(bytearray(b"".join(list(found)[:count])), dtype=torch.uint8)
    return rows.view(count, language.length)
