"""The molecules of `nci` as sequences of pieces of SELFIES, of which every sequence is a molecule: no download.

Molecules with tokens that ZINC250k has not, or of several parts, are left out. Split 8 : 1 : 1 after one fixed
permutation. Needs the library `selfies` (M. Krenn et al. 2020); source as in `nci`.
"""

from __future__ import annotations

from pipelines.datasets import nci
from pipelines.datasets.dataset import Dataset
from pipelines.sequences import cache
from pipelines.sequences.languages import language
from pipelines.sequences.string_data import announce, cut, shuffled

_LANGUAGE = "smiles_fragments"


def load() -> Dataset:
    found = cache.encoded("nci-fragments", nci.lines(), language(_LANGUAGE))
    announce("nci_fragments", found.report)
    return cut(_LANGUAGE, shuffled(found.sequences))
