"""Every language, by name."""

from __future__ import annotations

import re
from collections.abc import Callable

from methods.core.errors import unknown
from pipelines.grammar import definitions
from pipelines.sequences import selfies_fragments, selfies_language, small_rings
from pipelines.sequences.language import Derivations, Language, Tokens

_SPACED = re.compile(r"sin\(|exp\(|[x123+*/()]")
_EXPRESSION_CHARACTERS = "x+()123*/sinep"
_SMILES_CHARACTERS = r"C()c12o=ON3F[@H]n-#Sl+sBr/4\567IP8"

_PENALTY = "_bce"


def _expression_grammar(length: int) -> Language:
    return Derivations(definitions.expressions(), length)


def _expression_characters(length: int) -> Language:
    return Tokens(_EXPRESSION_CHARACTERS, length, spell=_without_spaces, unspell=spaced)


def _smiles_grammar(length: int) -> Language:
    return Derivations(definitions.smiles(), length)


def _smiles_characters(length: int) -> Language:
    return Tokens(_SMILES_CHARACTERS, length)


def _fragments_small_rings(length: int) -> Language:
    return small_rings.SmallRings(selfies_fragments.selfies_fragments(length).tokens, length)


_MAKERS: dict[str, tuple[Callable[[int], Language], int]] = {
    "expression_grammar": (_expression_grammar, definitions.EXPRESSION_LENGTH),
    "expression_characters": (_expression_characters, 19),
    "smiles_grammar": (_smiles_grammar, definitions.SMILES_LENGTH),
    "smiles_characters": (_smiles_characters, 120),
    "smiles_selfies": (selfies_language.selfies_tokens, selfies_language.LENGTH),
    "smiles_fragments": (selfies_fragments.selfies_fragments, selfies_fragments.LENGTH),
    "smiles_fragments_small_rings": (_fragments_small_rings, selfies_fragments.LENGTH),
}
"""How to make a language of a length, and its usual length: that of Kusner et al. 2017, where they have it."""


def names() -> list[str]:
    """Every language."""
    return sorted(_MAKERS)


def likelihoods() -> list[str]:
    """Every likelihood of sequences: the languages, and each with the loss of the original (`<language>_bce`)."""
    return sorted([*_MAKERS, *(name + _PENALTY for name in _MAKERS)])


def penalized(likelihood: str) -> bool:
    """Is this the loss of the original, and not a likelihood?"""
    return likelihood.endswith(_PENALTY)


def plain(likelihood: str) -> str:
    """The language of a likelihood."""
    return likelihood.removesuffix(_PENALTY)


def language(name: str, length: int | None = None) -> Language:
    """A new language of this name, or of the likelihood of this name, for sequences of `length` symbols.

    Args:
        length: by default that of the original.

    Raises:
        BadInput: an unknown name, or a length that nothing fits into.
    """
    found = plain(name)
    if found not in _MAKERS:
        raise unknown("language", name, _MAKERS)
    make, usual = _MAKERS[found]
    made = make(usual if length is None else length)
    made.name = found
    return made


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def spaced(text: str) -> str:
    """As the file of expressions has them, where the characters make terminals."""
    return " ".join(_SPACED.sub(lambda found: f" {found[0]} ", text).split())
