"""Strings as molecules: what RDKit makes of them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from lso.task import Values

_BITS = 1024


def molecule(smiles: str) -> Any:
    """As RDKit has it.

    Raises:
        ValueError: it is none.
    """
    from rdkit import Chem

    found = Chem.MolFromSmiles(smiles)
    if found is None:
        raise ValueError(f"{smiles!r} is no molecule")
    return found


def canonical(string: str) -> str | None:
    """Canonical SMILES without stereochemistry; None for what is no molecule, or several."""
    return _parsed(string)[0]


def heavy(string: str) -> int:
    """Atoms that are not hydrogen."""
    return _parsed(string)[1]


@functools.lru_cache(maxsize=1 << 18)
def _parsed(string: str) -> tuple[str | None, int]:
    from rdkit import Chem

    found = Chem.MolFromSmiles(string) if string else None
    if found is None or not found.GetNumAtoms():
        return None, 0
    written = Chem.MolToSmiles(found, isomericSmiles=False)
    return None if "." in written else written, int(found.GetNumHeavyAtoms())


@functools.lru_cache(maxsize=1 << 14)
def fingerprint(smiles: str) -> Values:
    """Counts (1024,) of the circular fragments of radius 2 in a molecule, hashed."""
    from rdkit.Chem import rdFingerprintGenerator

    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=_BITS)
    return generator.GetCountFingerprintAsNumPy(molecule(smiles)).astype(np.float64)
