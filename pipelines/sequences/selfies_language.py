"""SELFIES: molecules as sequences of tokens of which every one can be read, whatever it is.

Source: M. Krenn et al. 2020; the library `selfies`, whose encoder and decoder these are.
"""

from __future__ import annotations

from pipelines.grammar.parser import Refused
from pipelines.sequences.language import Tokens

LENGTH = 72
"""Tokens in the longest molecule of ZINC250k."""

# All that the molecules of ZINC250k are made of, the most frequent first (selfies 2.2).
_TOKENS = r"""
[C] [=C] [Ring1] [Branch1] [=Branch1] [N] [=O] [O] [Branch2] [Ring2] [=N] [S] [#Branch1] [C@@H1] [C@H1] [=Branch2] [F]
[#Branch2] [Cl] [#C] [NH1+1] [P] [=Ring1] [O-1] [/C] [NH1] [NH2+1] [Br] [N+1] [#N] [C@] [NH3+1] [C@@] [=Ring2] [=S]
[/N] [=NH1+1] [\C] [N-1] [=N+1] [\N] [S@] [S@@] [I] [/S] [/NH1+1] [\S] [/O] [S-1] [\O-1] [\O] [=NH2+1] [\NH1] [/Cl]
[=S@@] [/C@@H1] [=S@] [/O-1] [/C@H1] [/N+1] [=N-1] [P@@] [/NH1] [/S-1] [\C@H1] [P@] [\S-1] [\Cl] [\C@@H1] [=O+1]
[/N-1] [NH1-1] [\N-1] [=P] [/F] [\N+1] [\NH1+1] [=P@@] [=OH1+1] [=P@] [/Br] [/C@] [-\Ring1] [/C@@] [\Br] [#N+1]
[CH1-1] [=SH1+1] [=S+1] [/NH2+1] [/S@] [P@@H1] [=PH2] [P+1] [-/Ring1] [S+1] [CH2-1] [/O+1] [\F] [-/Ring2] [PH1+1]
[PH1] [\NH2+1] [/NH1-1] [\S@] [S@@+1] [\I]
"""
TOKENS = tuple(_TOKENS.split())


def selfies_tokens(length: int) -> Tokens:
    """The language of ZINC250k's 107 tokens. What it writes are SMILES, and not the same ones it has read."""
    return Tokens(TOKENS, length, spell=written, unspell=read)


def written(smiles: str) -> str:
    """A molecule in SELFIES.

    Raises:
        Refused: SELFIES cannot write it.
    """
    import selfies

    try:
        return selfies.encoder(smiles)
    except selfies.EncoderError as error:
        raise Refused("no SELFIES", f"{smiles!r} cannot be written as one") from error


def read(text: str) -> str:
    """The molecule of some SELFIES, as SMILES."""
    import selfies

    return selfies.decoder(text)
