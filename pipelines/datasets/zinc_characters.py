"""ZINC250k as sequences of up to 120 characters of SMILES: the data of the character autoencoder.

Parts and source as in `zinc`.
"""

from __future__ import annotations

from pipelines.datasets.dataset import Dataset
from pipelines.sequences import zinc_data


def load() -> Dataset:
    return zinc_data.jt_vae_split("smiles_characters")
