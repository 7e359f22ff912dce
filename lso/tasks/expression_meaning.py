"""What expressions mean: their rules, their values at inputs that no objective looks at, and which mean the same."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from lso.task import Values
from methods.core.errors import BadInput
from pipelines.grammar.arithmetic import evaluate
from pipelines.grammar.definitions import EXPRESSION_LENGTH
from pipelines.grammar.parser import Refused
from pipelines.sequences import cache, expression_data, languages
from pipelines.sequences.language import Language

_RULES: dict[str, bytes] = {}
_KEYS: dict[str, str] = {}
"""Of the 100,000 known expressions, which are many to parse again in every run."""

# Inputs of the descriptor: none of them is a point of the objective's grid.
_PROBES = np.random.default_rng(48).uniform(-10, 10, 48)
_LIMIT = 20.0  # of a descriptor, on the scale of arcsinh: values of 2e8


@functools.lru_cache(maxsize=1 << 18)
def spelled(text: str) -> str:
    """As the file of expressions has it, with spaces."""
    return languages.spaced(text)


def rules(string: str) -> bytes | None:
    """Those that derive an expression; None for what is none."""
    if string in _RULES:
        return _RULES[string]
    try:
        return _grammar().parse(string)
    except Refused:
        return None


def known_rules(string: str) -> bytes:
    """Those that derive an expression.

    Raises:
        BadInput: it is none.
    """
    found = rules(string)
    if found is None:
        raise BadInput(f"{string!r} is no expression of the grammar")
    return found


@functools.lru_cache(maxsize=1 << 17)
def probed(string: str) -> Values:
    """Values (48,) at random inputs, on the scale of arcsinh."""
    with np.errstate(all="ignore"):
        values = np.arcsinh(evaluate(known_rules(string), _PROBES))
    return np.nan_to_num(values, nan=_LIMIT, posinf=_LIMIT, neginf=-_LIMIT).clip(-_LIMIT, _LIMIT)


def key(string: str) -> str:
    """What expressions with equal values at the probes share, to the seventh digit on the scale of arcsinh."""
    return _KEYS.get(string) or _hashed(string)


@functools.lru_cache(maxsize=1)
def sequences() -> torch.Tensor:
    """Rules (N, length) of the 100,000 known expressions, in their order."""
    return cache.encoded("expressions-expression_grammar", expression_data.lines(), _grammar()).sequences


def remember(lines: Sequence[str]) -> None:
    """Keep rules and keys of the 100,000 known expressions, from disk where they were computed before."""
    if _RULES:
        return
    _RULES.update(zip(lines, (row.tobytes() for row in sequences().numpy()), strict=True))

    def compute() -> cache.Arrays:
        return {"keys": np.array([_hashed(line) for line in lines])}

    keys = cache.kept("expressions-keys", ["48 probes, 7 digits", *lines], compute)["keys"]
    _KEYS.update(zip(lines, map(str, keys), strict=True))


@functools.lru_cache(maxsize=1 << 17)
def _hashed(string: str) -> str:
    rounded = np.round(probed(string), 7) + 0.0  # no negative zeros
    return hashlib.blake2b(rounded.tobytes(), digest_size=8).hexdigest()


@functools.lru_cache(maxsize=1)
def _grammar() -> Language:
    return languages.language("expression_grammar", EXPRESSION_LENGTH)
