"""What symbols that are SELFIES tokens, or sequences of them, mean to the rules of derivation, as tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

ATOM, RING, BRANCH = range(3)
"""Kinds of tokens."""

_NONE = -1


class Spelling(NamedTuple):
    """What symbols are made of.

    Attributes:
        parts: numbers of the SELFIES tokens in every symbol, then -1; none of the padding.
        facts: of every token its kind, bond order, bonds its atom can have, tokens of the number that follows it, and
            digit that it stands for in such a number.
    """

    parts: Int[Tensor, "symbols width"]
    facts: Int[Tensor, "5 tokens"]


def spelling(symbols: Sequence[str]) -> Spelling:
    """The tables of a language whose symbols are SELFIES tokens or sequences of them; the padding comes last."""
    cut = [re.findall(r"\[[^\]]*\]", symbol) for symbol in symbols]
    numbers = {token: number for number, token in enumerate(dict.fromkeys(token for row in cut for token in row))}
    parts = torch.full((len(cut) + 1, max(map(len, cut))), _NONE)
    for number, row in enumerate(cut):
        parts[number, : len(row)] = torch.tensor([numbers[token] for token in row])
    return Spelling(parts, torch.tensor([_facts(token) for token in numbers]).T.contiguous())


def _facts(token: str) -> tuple[int, int, int, int, int]:
    from selfies import grammar_rules
    from selfies.constants import INDEX_CODE

    digit = INDEX_CODE.get(token, 0)
    if branch := grammar_rules.process_branch_symbol(token):
        return BRANCH, branch[0], 0, branch[1], digit
    if ring := grammar_rules.process_ring_symbol(token):
        return RING, ring[0], 0, ring[1], digit
    (order, _), atom = grammar_rules.process_atom_symbol(token)
    return ATOM, order, atom.bonding_capacity, 0, digit
