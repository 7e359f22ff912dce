"""The score of one molecule, as a process of its own computes it: this file imports RDKit and little else."""

from __future__ import annotations

from collections.abc import Sequence

from lso.tasks.molecule_objectives import OBJECTIVES, QED_LIMIT, qed
from lso.tasks.penalized_logp import Terms, penalized_logp

FUNCTION = f"{__name__}:score"

NAMES = ("penalized_logp", "penalized_logp_qed", *OBJECTIVES)
"""Every objective."""

Request = tuple[str, Sequence[Sequence[float]], str]
"""An objective, the `Terms` of penalized log P, and a SMILES string."""


FIRST: Request = ("penalized_logp_qed", [[0.0, 1.0]] * 3, "C")
"""A request for which all is loaded that others need."""


def score(request: Request) -> float:
    """Of a molecule; higher is better.

    Raises:
        ValueError: the string is no molecule, or RDKit cannot score it.
    """
    from rdkit import Chem

    objective, terms, smiles = request
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        raise ValueError(f"{smiles!r} is no molecule")
    if objective in OBJECTIVES:
        return OBJECTIVES[objective](molecule)
    found = penalized_logp(molecule, Terms(*((float(mean), float(deviation)) for mean, deviation in terms)))
    if objective == "penalized_logp_qed" and qed(molecule) < QED_LIMIT:
        return min(found, 0.0) - 10 * (QED_LIMIT - qed(molecule))
    return found


def worst(objective: str) -> float:
    """The score of what cannot be scored."""
    return 0.0 if objective in OBJECTIVES else -100.0
