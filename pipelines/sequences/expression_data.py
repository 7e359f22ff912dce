"""Strings of expressions as a data set in a language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from methods.core.base import Data, Split
from methods.core.errors import BadInput
from pipelines import console
from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch
from pipelines.sequences import cache
from pipelines.sequences.encoding import Report
from pipelines.sequences.expression_scores import scores
from pipelines.sequences.languages import language
from pipelines.sequences.starts import expression_start

_FILE = RemoteFile(
    "expressions",
    "equation2_15_dataset.txt",
    ("https://raw.githubusercontent.com/mkusner/grammarVAE/master/data/equation2_15_dataset.txt",),
    "ae9850311e884f888491f56dca57ef3c2f9880899e63d26b5da3b71840591ca2",
)
_GRAMMAR = "expression_grammar"
_ORDER = 0  # seed of the permutation before the cut


def lines() -> list[str]:
    """The 100,000 expressions of Kusner et al. 2017, in their order."""
    return fetch(_FILE).read_text().splitlines()


def held_out(strings: Sequence[str], name: str, language_name: str = _GRAMMAR) -> Dataset:
    """The strings in a language, cut 8 : 1 : 1 after one fixed permutation.

    What the start `held_out` hides, the expressions that score nearly perfectly, is in the test part.

    Args:
        name: of the data, for files in the cache.
        language_name: one of `languages.names()`.
    """
    rules = cache.encoded(f"{name}-{_GRAMMAR}", strings, language(_GRAMMAR))
    found = (
        rules
        if language_name == _GRAMMAR
        else cache.encoded(f"{name}-{language_name}", strings, language(language_name))
    )
    announce(name, found.report)
    seen = expression_start("held_out", scores(name, rules.sequences, strings)).autoencoder
    visible = torch.isin(found.rows, rules.rows[torch.from_numpy(seen)])
    order = torch.from_numpy(np.random.RandomState(_ORDER).permutation(len(found.rows)))
    order = torch.cat([order[visible[order]], order[~visible[order]]])
    tenth = len(order) // 10
    cut = order.split([len(order) - 2 * tenth, tenth, tenth])
    return dataset(language_name, *(found.sequences[rows] for rows in cut))


def shown_by(start: str) -> Dataset:
    """What a start shows an autoencoder, and nothing else: the expressions of the file as rules, cut 8 : 1 : 1.

    Args:
        start: one of `starts.names()`; those that draw strings draw them with the seed 0.
    """
    strings = lines()
    rules = cache.encoded(f"expressions-{_GRAMMAR}", strings, language(_GRAMMAR))
    seen = expression_start(start, scores("expressions", rules.sequences, strings)).autoencoder
    order = torch.from_numpy(np.random.RandomState(_ORDER).permutation(seen))
    tenth = len(order) // 10
    return dataset(_GRAMMAR, *(rules.sequences[rows] for rows in order.split([len(order) - 2 * tenth, tenth, tenth])))


def dataset(
    language_name: str,
    train: UInt8[Tensor, "N length"],
    valid: UInt8[Tensor, "V length"],
    test: UInt8[Tensor, "T length"],
) -> Dataset:
    """Sequences of a language as a data set.

    Raises:
        BadInput: a part is empty.
    """
    if not (len(train) and len(valid) and len(test)):
        raise BadInput(
            f"{len(train)}, {len(valid)} and {len(test)} strings are too few to learn from: give at least 10"
        )
    symbols = language(language_name, train.shape[1]).symbols
    splits = (Split(part, part, symbols=symbols) for part in (train, valid, test))
    return Dataset(Data(*splits), classes=0, likelihood=language_name)


def announce(name: str, report: Report) -> None:
    """Say on standard error what could not be encoded."""
    if report.refused:
        console.ERR.print(f"{name}: {report}", style="yellow", markup=False, soft_wrap=True)
