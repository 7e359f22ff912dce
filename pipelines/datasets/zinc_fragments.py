"""ZINC250k as sequences of up to 40 pieces of SELFIES, of which every sequence is a molecule.

The pieces are SELFIES tokens and common sequences of them, 15 in a molecule instead of 37 tokens. Parts and source as
in `zinc`. Needs the library `selfies` (M. Krenn et al. 2020).
"""

from __future__ import annotations

from pipelines.datasets.dataset import Dataset
from pipelines.sequences import zinc_data


def load() -> Dataset:
    return zinc_data.jt_vae_split("smiles_fragments")
