from __future__ import annotations

import pytest
import torch

from methods.core.errors import BadInput
from pipelines.sequences.generation import generate
from pipelines.sequences.languages import language


def test_generated_expressions_are_distinct_sentences() -> None:
    grammar = language("expression_grammar")
    rows = generate(grammar, 3000)
    texts = grammar.write(rows)
    assert len(set(texts)) == 3000
    assert all(grammar.encode(text) == row.numpy().tobytes() for text, row in zip(texts, rows, strict=True))


def test_the_same_seed_generates_the_same() -> None:
    grammar = language("expression_grammar")
    assert torch.equal(generate(grammar, 100, seed=1), generate(grammar, 100, seed=1))
    assert not torch.equal(generate(grammar, 100, seed=1), generate(grammar, 100, seed=2))


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(BadInput, match="only about 4 distinct"):
        generate(language("expression_grammar", 2), 5)
