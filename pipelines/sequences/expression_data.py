"""Strings of expressions as a data set in a language."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pipelines.datasets.dataset import Dataset
from pipelines.datasets.download import RemoteFile, fetch
from pipelines.sequences import cache
from pipelines.sequences.expression_scores import scores
from pipelines.sequences.languages import language
from pipelines.sequences.starts import expression_start
from pipelines.sequences.string_data import announce, cut, shuffled

_FILE = RemoteFile(
    "expressions",
    "equation2_15_dataset.txt",
    ("https://raw.githubusercontent.com/mkusner/grammarVAE/master/data/equation2_15_dataset.txt",),
    "ae9850311e884f888491f56dca57ef3c2f9880899e63d26b5da3b71840591ca2",
)
_GRAMMAR = "expression_grammar"


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
    visible = shuffled(torch.isin(found.rows, rules.rows[torch.from_numpy(seen)]))
    sequences = shuffled(found.sequences)
    return cut(language_name, torch.cat([sequences[visible], sequences[~visible]]))


def shown_by(start: str) -> Dataset:
    """What a start shows an autoencoder, and nothing else: the expressions of the file as rules, cut 8 : 1 : 1.

    Args:
        start: one of `starts.names()`; those that draw strings draw them with the seed 0.
    """
    strings = lines()
    rules = cache.encoded(f"expressions-{_GRAMMAR}", strings, language(_GRAMMAR))
    seen = expression_start(start, scores("expressions", rules.sequences, strings)).autoencoder
    return cut(_GRAMMAR, shuffled(rules.sequences[torch.from_numpy(seen)]))
