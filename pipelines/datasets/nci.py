"""5,000 molecules of the National Cancer Institute, which ship inside RDKit: no download.

They are rewritten as RDKit's canonical SMILES and encoded as sequences of up to 277 rules of the SMILES grammar; those
with elements or ring closures that the grammar has not, or of several parts, are left out. Split 8 : 1 : 1 after one
fixed permutation.

Source: the first 5,000 molecules of the NCI open database, as distributed with RDKit (`Data/NCI/first_5K.smi`), public
domain.
"""

from __future__ import annotations

from pathlib import Path

from methods.core.errors import BadInput
from pipelines.datasets.dataset import Dataset
from pipelines.sequences import cache
from pipelines.sequences.languages import language
from pipelines.sequences.string_data import announce, cut, shuffled

_LANGUAGE = "smiles_grammar"


def load() -> Dataset:
    found = cache.encoded("nci", lines(), language(_LANGUAGE))
    announce("nci", found.report)
    return cut(_LANGUAGE, shuffled(found.sequences))


def lines() -> list[str]:
    """The distinct molecules as canonical SMILES, in their order. What RDKit cannot read stays as it is.

    Raises:
        BadInput: RDKit is not installed.
    """
    try:
        from rdkit import Chem, RDConfig, rdBase
    except ImportError as error:
        raise BadInput("the data set nci ships inside RDKit: pip install rdkit") from error
    written = [line.split()[0] for line in (Path(RDConfig.RDDataDir) / "NCI/first_5K.smi").read_text().splitlines()]
    with rdBase.BlockLogs():
        molecules = [(text, Chem.MolFromSmiles(text)) for text in written]
    return list(dict.fromkeys(text if found is None else Chem.MolToSmiles(found) for text, found in molecules))
