"""What molecules are optimized for. All of these are higher the better.

Sources: Bickerton et al. 2012 (QED); Brown et al. 2019 (GuacaMol), the multi-property objectives by its definitions.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

Molecule = Any
"""RDKit's. It is imported where it is used, since the rest of the package works without."""

Objective = Callable[[Molecule], float]

QED_LIMIT = 0.5
"""Of `penalized_logp_qed`."""

_OSIMERTINIB = "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34"
_RANOLAZINE = "COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(C)cccc3C)CC2"
_PERINDOPRIL = "O=C(OCC)C(NC(C(=O)N1C(C(=O)O)CC2CCCCC12)C)CCC"
_ZALEPLON = "O=C(C)N(CC)C1=CC=CC(C2=CC=NC3=C(C=NN23)C#N)=C1"
_TADALAFIL = "O=C1N(CC(N2C1CC3=C(C2C4=CC5=C(OCO5)C=C4)NC6=C3C=CC=C6)=O)C"
_SILDENAFIL = "CCCC1=NN(C)C2=C1N=C(NC2=O)C3=C(OCC)C=CC(=C3)S(=O)(=O)N4CCN(C)CC4"
_FORMULA = {"C": 19, "H": 17, "N": 3, "O": 2}


def qed(molecule: Molecule) -> float:
    """Quantitative estimate of drug-likeness, between 0 and 1."""
    from rdkit.Chem import QED

    return float(QED.qed(molecule))


def osimertinib(molecule: Molecule) -> float:
    """Like osimertinib but not too much, polar enough, and not too lipophilic."""
    return _mean(
        min(similarity(molecule, _OSIMERTINIB, "FCFP4") / 0.8, 1),
        _at_most(similarity(molecule, _OSIMERTINIB, "ECFP6"), 0.85, 0.1),
        _at_least(_polar(molecule), 100, 10),
        _at_most(_logp(molecule), 1, 1),
    )


def ranolazine(molecule: Molecule) -> float:
    """Like ranolazine, lipophilic, polar enough, with one fluorine."""
    return _mean(
        min(similarity(molecule, _RANOLAZINE, "AP") / 0.7, 1),
        _at_least(_logp(molecule), 7, 1),
        _at_least(_polar(molecule), 95, 20),
        _near(_elements(molecule)["F"], 1, 1),
    )


def perindopril(molecule: Molecule) -> float:
    """Like perindopril, with two aromatic rings."""
    from rdkit.Chem import rdMolDescriptors

    rings = rdMolDescriptors.CalcNumAromaticRings(molecule)
    return _mean(similarity(molecule, _PERINDOPRIL, "ECFP4"), _near(rings, 2, 0.5))


def zaleplon(molecule: Molecule) -> float:
    """Like zaleplon, with the formula C19H17N3O2."""
    return _mean(similarity(molecule, _ZALEPLON, "ECFP4"), isomer(molecule))


def median2(molecule: Molecule) -> float:
    """Like tadalafil and like sildenafil."""
    return _mean(similarity(molecule, _TADALAFIL, "ECFP6"), similarity(molecule, _SILDENAFIL, "ECFP6"))


def isomer(molecule: Molecule) -> float:
    """How nearly the formula is C19H17N3O2."""
    found = _elements(molecule)
    parts = [_near(found[element], count, 1) for element, count in _FORMULA.items()]
    return _mean(*parts, _near(sum(found.values()), sum(_FORMULA.values()), 2))


OBJECTIVES: dict[str, Objective] = {
    "qed": qed,
    "osimertinib": osimertinib,
    "ranolazine": ranolazine,
    "perindopril": perindopril,
    "zaleplon": zaleplon,
    "median2": median2,
}
"""Those that need no constants."""


def similarity(molecule: Molecule, reference: str, kind: str) -> float:
    """Tanimoto similarity of counts: circular ones (ECFP4, ECFP6, with features FCFP4) or pairs of atoms (AP)."""
    from rdkit import DataStructs

    generator = _generators()[kind]
    return float(DataStructs.TanimotoSimilarity(generator.GetSparseCountFingerprint(molecule), _known(reference, kind)))


@functools.cache
def _known(reference: str, kind: str) -> Any:
    from rdkit import Chem

    return _generators()[kind].GetSparseCountFingerprint(Chem.MolFromSmiles(reference))


@functools.cache
def _generators() -> dict[str, Any]:
    from rdkit.Chem import rdFingerprintGenerator

    features = rdFingerprintGenerator.GetMorganFeatureAtomInvGen()
    return {
        "ECFP4": rdFingerprintGenerator.GetMorganGenerator(radius=2),
        "ECFP6": rdFingerprintGenerator.GetMorganGenerator(radius=3),
        "FCFP4": rdFingerprintGenerator.GetMorganGenerator(radius=2, atomInvariantsGenerator=features),
        "AP": rdFingerprintGenerator.GetAtomPairGenerator(maxDistance=10),
    }


def _logp(molecule: Molecule) -> float:
    from rdkit.Chem import Crippen

    return float(Crippen.MolLogP(molecule))


def _polar(molecule: Molecule) -> float:
    """Topological polar surface area, in square angstroms."""
    from rdkit.Chem import Descriptors

    return float(Descriptors.TPSA(molecule))


def _elements(molecule: Molecule) -> Counter[str]:
    from rdkit import Chem

    return Counter(atom.GetSymbol() for atom in Chem.AddHs(molecule).GetAtoms())


def _mean(*values: float) -> float:
    return math.prod(values) ** (1 / len(values))


def _near(value: float, mean: float, deviation: float) -> float:
    return math.exp(-0.5 * ((value - mean) / deviation) ** 2)


def _at_least(value: float, mean: float, deviation: float) -> float:
    return 1.0 if value >= mean else _near(value, mean, deviation)


def _at_most(value: float, mean: float, deviation: float) -> float:
    return 1.0 if value <= mean else _near(value, mean, deviation)
