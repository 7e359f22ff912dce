"""40,000 expressions without the best by score on their task: the start `tlbo`, the worst 35 % and 5 % of the middle.

What Grosnit et al. 2021 (T-LBO), LOL-BO and CoBO start from, drawn with the seed 0. Split 32,000 / 4,000 / 4,000 after
one fixed permutation; source as in `expressions`.
"""

from __future__ import annotations

from pipelines.datasets.dataset import Dataset
from pipelines.sequences import expression_data


def load() -> Dataset:
    return expression_data.shown_by("tlbo")
