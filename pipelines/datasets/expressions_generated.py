"""100,000 distinct expressions drawn from the grammar, every applicable rule equally likely: no download.

They are more varied than those of `expressions`, most of which are sums of three terms. Split as those are; how many
come close to the target of that task is up to chance, and they are in the test part.
"""

from __future__ import annotations

from pipelines.datasets.dataset import Dataset
from pipelines.sequences import expression_data, generation
from pipelines.sequences.languages import language


def load() -> Dataset:
    grammar = language("expression_grammar")
    strings = grammar.write(generation.generate(grammar, 100_000))
    return expression_data.held_out(strings, "expressions_generated")
