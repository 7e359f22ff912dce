"""Which strings mean something, and when two mean the same."""

from __future__ import annotations

from collections.abc import Callable

from methods.core.errors import BadInput
from pipelines.grammar.parser import Refused
from pipelines.sequences import languages

Canonical = Callable[[str], str | None]
"""A string to the one way to write what it means; None where it means nothing."""


def canonical(likelihood: str) -> Canonical:
    """What strings of a language, or of the likelihood of this name, mean.

    Expressions mean something if they are sentences of their grammar, and the same if they have the same terminals.
    Molecules mean something if RDKit can read them, valences included, and the same if its canonical SMILES is.

    Raises:
        BadInput: an unknown language, or molecules where RDKit is not installed.
    """
    languages.language(likelihood)
    return _expression() if likelihood.startswith("expression") else _molecule()


def _expression() -> Canonical:
    grammar = languages.language("expression_grammar", 255)

    def written(text: str) -> str | None:
        try:
            return languages.spaced(text) if grammar.parse(text) else None
        except Refused:
            return None

    return written


def _molecule() -> Canonical:
    try:
        from rdkit import Chem, rdBase
    except ImportError as error:
        raise BadInput("molecules are checked by RDKit: pip install rdkit") from error

    def written(text: str) -> str | None:
        with rdBase.BlockLogs():
            found = Chem.MolFromSmiles(text) if text else None
        return None if found is None else Chem.MolToSmiles(found)

    return written
