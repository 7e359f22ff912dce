"""5,000 expressions drawn from the worse half by score on their task: the start `tripp`, where the best are unknown.

What Tripp et al. 2020 (weighted retraining) start from, drawn with the seed 0. Split 4,000 / 500 / 500 after one fixed
permutation; source as in `expressions`.
"""

from __future__ import annotations

from pipelines.datasets.dataset import Dataset
from pipelines.sequences import expression_data


def load() -> Dataset:
    return expression_data.shown_by("tripp")
