"""The 100,000 expressions as sequences of 19 characters, without spaces: the data of the character autoencoder.

Parts and source as in `expressions`.
"""

from __future__ import annotations

from pipelines.datasets.dataset import Dataset
from pipelines.sequences import expression_data


def load() -> Dataset:
    return expression_data.held_out(expression_data.lines(), "expressions", "expression_characters")
