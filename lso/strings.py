"""The latent space of a method that writes strings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from lso.codes import Codes
from lso.fragments import fragments
from lso.space import LatentSpace
from methods.core.base import Method
from methods.core.errors import BadInput
from pipelines.grammar.parser import Refused
from pipelines.metrics.strings import greedy
from pipelines.sequences.likelihood import Sequences

_CHUNK = 2000  # codes decoded at a time


class StringSpace:
    """Codes of strings: decoded greedily, encoded into the posterior's mean.

    Args:
        method: a trained method that writes strings.

    Raises:
        BadInput: the method's decoder writes something else.
    """

    def __init__(self, method: Method) -> None:
        decoder = method.decoder
        if not isinstance(decoder, Sequences):
            raise BadInput("the decoder writes no strings: name one that was trained on strings")
        self.space, self.language = LatentSpace(method), decoder.language
        self._written: dict[bytes, str] = {}
        self._codes: dict[str, NDArray[np.float64]] = {}

    @property
    def latent(self) -> int:
        """Size of a code."""
        return self.space.latent

    @torch.no_grad()
    def decode(self, codes: Codes) -> list[str]:
        """The string of every code; empty where it stands for none."""
        z = torch.from_numpy(np.ascontiguousarray(codes)).float()
        found = [greedy(self.space.method, part) for part in z.split(_CHUNK)]
        return self._write(torch.cat(found)) if found else []

    def encode(self, strings: Sequence[str]) -> Codes:
        """Posterior means; NaN for strings that the language has not, or that are too long."""
        missing = list(dict.fromkeys(string for string in strings if string not in self._codes))
        if missing:
            self._codes.update(zip(missing, self._encoded(missing), strict=True))
        return np.stack([self._codes[string] for string in strings]) if len(strings) else np.empty((0, self.latent))

    def prior(self, count: int, *, seed: int) -> Codes:
        """Draws from the method's prior."""
        return self.space.prior(count, seed=seed).double().numpy()

    def fragments(self, strings: Sequence[str]) -> NDArray[np.float32]:
        """How often each of some hashed pieces occurs in each string."""
        return fragments(self.language, [self._symbols(string)[0] for string in strings])

    def _write(self, sequences: UInt8[Tensor, "N length"]) -> list[str]:
        data, length = sequences.numpy().tobytes(), sequences.shape[1]
        keys = [data[place : place + length] for place in range(0, len(data), length)]
        new = list(dict.fromkeys(key for key in keys if key not in self._written))
        if new:
            rows = torch.frombuffer(bytearray(b"".join(new)), dtype=torch.uint8).view(-1, length)
            self._written.update(zip(new, self.language.write(rows), strict=True))
        return [self._written[key] for key in keys]

    def _encoded(self, strings: list[str]) -> Codes:
        pairs = [self._symbols(string) for string in strings]
        found = np.full((len(strings), self.latent), np.nan)
        places = [place for place, (_, known) in enumerate(pairs) if known]
        for start in range(0, len(places), _CHUNK):
            part = places[start : start + _CHUNK]
            rows = torch.frombuffer(bytearray(b"".join(pairs[place][0] for place in part)), dtype=torch.uint8)
            x = torch.nn.functional.one_hot(rows.view(len(part), -1).long(), self.language.symbols).float()
            found[part] = self.space.encode(x).double().numpy()
        return found

    def _symbols(self, string: str) -> tuple[bytes, bool]:
        """The string's symbols, padded, and whether it has any."""
        try:
            return self.language.encode(string), True
        except Refused:
            return bytes([self.language.padding]) * self.language.length, False
