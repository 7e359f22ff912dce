"""SELFIES in larger pieces: common sequences of tokens are one symbol, so that a molecule takes about 15 and not 37.

A benzene ring is one decision and not eight, so there are fewer places to err; and every sequence is a molecule still.
"""

from __future__ import annotations

from pipelines.sequences.language import Tokens
from pipelines.sequences.selfies_language import TOKENS, read, written

LENGTH = 40
"""Symbols that are enough for every molecule of ZINC250k, the longest of which takes 38."""

# `pairs.merged` of the first 60,000 training molecules of ZINC250k (the split of JT-VAE), in its order.
_FRAGMENTS = r"""
[C][C] [C][=C] [=Branch1][C] [C][=C][C][=C] [=Branch1][C][=O] [Branch1][C][C] [C][=Branch1][C][=O] [Ring1][=Branch1]
[Branch1][C] [Branch2][Ring1] [Ring2][Ring1] [C][C][=C] [C][C][C] [C][=C][Ring1] [N][C][=Branch1][C][=O] [C][=N]
[=C][Ring1] [C][O] [C][=C][Ring1][=Branch1] [Branch1][C][F] [N][C][C] [C][=C][C][=C][C][=C][Ring1][=Branch1]
[C][Branch1] [C][C][=C][C][=C] [N][Branch1] [N][=C] [Ring1][Branch1] [C][=Branch1][C][=O][N] [C][=C][Ring1][#Branch1]
[C][Ring1] [C][C][C][C] [C][C@@H1] [O][=C] [C][C@H1] [Branch1][C][Cl] [C][Branch2][Ring1] [C][Branch1][C][C]
[C][=C][Ring2][Ring1] [N][C][=C][C][=C] [C][C][=Branch1][C][=O] [C][C][Ring1] [C][N]
[=Branch1][C][=O][=Branch1][C][=O] [C][C][O] [S][=Branch1][C][=O][=Branch1][C][=O] [C][C][Branch1][C][C]
[C][O][C][=C][C][=C] [C][Branch1][C][F] [Ring1][O] [Ring1][#Branch1] [C][=C][C][=C][Branch1] [Ring1][#Branch2]
[C][C][=C][C][=C][C][=C] [Ring1][=Branch2] [C][=Ring1] [Branch1][C][O] [Ring1][=Branch1][C] [=C][Ring2][Ring1]
[C@H1][Branch1][C][C] [C@@H1][Branch1][C][C] [C][C][=N] [N][Branch1][C][C] [=Branch1][C][=O][O-1]
[C][N][C][=Branch1][C][=O] [C][S] [C][=C][Ring1][=Branch1][C] [=C][Ring1][#Branch1] [Branch1][=Branch2] [Ring1][Ring1]
[N][Branch2][Ring1] [Branch2][Ring2] [Branch1][Ring1] [Branch1][C][F][C][=C][Ring1][#Branch1]
[C][C][=C][C][=C][C][=C][Ring1][=Branch1] [O][C][C] [C][Branch1][C][Cl] [C][Ring2][Ring1] [Ring2][Ring1][=Branch1]
[N][C][C][C] [C][NH1+1] [O][=C][Branch1] [/C][=C] [C][=Branch1][C][=O][N][C][C] [N][C][=C]
[C][=C][C][=C][C][=C][Ring1][=Branch1][C] [N+1][=Branch1][C][=O][O-1] [Branch1][C][F][F]
[C][=C][C][=C][Branch2][Ring1] [Branch1][C][N] [Ring1][Branch2] [C][=Branch1] [Branch1][C][Cl][C][=C][Ring1][#Branch1]
[C@H1][Branch1] [N][=C][Ring1] [Branch1][C][Br] [C][Branch1][=Branch2] [O][=C][Branch2][Ring1] [N][Ring1]
[C@@H1][Branch1] [C][=Branch1][Ring2] [=C][Ring1][=Branch1] [=C][Ring1][Branch2] [C][C][C][Ring1][Ring1] [C][#N]
[Ring2][Ring1][Ring1] [O][Ring1][Branch1] [N][C][=N] [C][=C][Branch1] [N][Branch1][=Branch2]
[C][C][=C][C][=C][Branch2][Ring1] [=Branch1][N+1][=Branch1][C][=O][O-1] [C][Branch1][C][C][=C] [Ring1][N] [Ring1][=N]
[Ring2][Ring1][Ring2] [C][=Branch1][Ring2][=C][Ring1][=Branch1] [C][Ring1][=Branch1] [C][=C][Ring1][=Branch2]
[C][C][C][C][C] [C][Branch1][C][F][Branch1][C][F][F] [N][C][=Branch1][C][=O][N] [C][O][C][=Branch1][C][=O]
[S][Ring1][Branch1] [N][=C][Branch1] [N][=N] [C][Branch1][C][C][Branch1][C][C] [Branch2][Ring1][=Branch1]
[C][O][C][=C][C][=C][Branch2][Ring1] [=N][O] [Ring1][Branch1][C] [C][=C][C][Branch1] [C][C][=Branch1][C][=O][N]
[C][Ring1][#Branch1] [C][C][C@@H1] [Ring1][=C] [N][C][=Branch1][C][=O][C][=C][C][=C] [Ring1][S]
[N][=C][Ring1][=Branch1] [C][=C][Ring1][#Branch2] [Ring2][Ring1][Branch1] [C@H1][C][C][C] [C][=C][C][=N]
[C@@H1][C][C][C] [O][C] [=C][C][=C][Ring1][#Branch1] [C][N][Branch1] [Ring1][#C] [C][C][C][=C]
"""


def selfies_fragments(length: int) -> Tokens:
    """The language of ZINC250k's 107 tokens and 148 fragments: as many as a byte tells apart, with the padding.

    A molecule is cut from the left, each time into the longest fragment.
    """
    return Tokens([*TOKENS, *_FRAGMENTS.split()], length, spell=written, unspell=read)
