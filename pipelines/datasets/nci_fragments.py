"""The molecules of `nci` as sequences of pieces of SELFIES, of which every sequence is a molecule: no download.

Molecules with tokens that ZINC250k has not, or of several parts, are left out. Split 8 : 1 : 1 after one fixed
permutation. Needs the library `selfies` (M. Krenn et al. 2020); source as in `nci`.
"""

from __future__ import annotations

import numpy as np
import torch

from pipelines.datasets import nci
from pipelines.datasets.dataset import Dataset
from pipelines.sequences import cache
from pipelines.sequences.expression_data import announce, dataset
from pipelines.sequences.languages import language

_LANGUAGE = "smiles_fragments"


def load() -> Dataset:
    found = cache.encoded("nci-fragments", nci.lines(), language(_LANGUAGE))
    announce("nci_fragments", found.report)
    order = torch.from_numpy(np.random.RandomState(0).permutation(len(found.rows)))
    tenth = len(order) // 10
    cut = order.split([len(order) - 2 * tenth, tenth, tenth])
    return dataset(_LANGUAGE, *(found.sequences[rows] for rows in cut))
