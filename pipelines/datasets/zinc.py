"""ZINC250k: 249,455 drug-like molecules, as sequences of up to 277 rules of the SMILES grammar.

Split 220,010 / 24,445 / 5,000 as JT-VAE does (W. Jin et al. 2018).

Source: the subset of ZINC drawn by R. Gómez-Bombarelli et al. 2018, https://github.com/wengong-jin/icml18-jtnn, MIT;
the molecules come from ZINC, free to use.
"""

from __future__ import annotations

from pipelines.datasets.dataset import Dataset
from pipelines.sequences import zinc_data


def load() -> Dataset:
    return zinc_data.jt_vae_split("smiles_grammar")
