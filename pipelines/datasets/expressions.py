"""100,000 univariate expressions, such as `x / 3 + 1 + sin( x * x )`, as sequences of 15 rules of a grammar.

Split 80,000 / 10,000 / 10,000 after one fixed permutation. The 4 expressions that score below 0.05 on the task to find
1 / 3 + x + sin(x * x), the target among them, are in the test part, where no search finds them by having seen them:
the start `held_out` of `pipelines.sequences.starts`. What other publications start from are the data sets
`expressions_gvae` (the target is learned from), `expressions_tripp` and `expressions_tlbo`.

Source: M. Kusner, B. Paige and J. M. Hernández-Lobato 2017, https://github.com/mkusner/grammarVAE, no licence stated.
"""

from __future__ import annotations

from pipelines.datasets.dataset import Dataset
from pipelines.sequences import expression_data


def load() -> Dataset:
    return expression_data.held_out(expression_data.lines(), "expressions")
