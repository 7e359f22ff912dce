from __future__ import annotations

import torch

from pipelines.grammar import definitions
from pipelines.grammar.derivation import Writer, writer


def test_terminals_are_separated_as_the_grammar_says() -> None:
    assert writer(definitions.expressions()).write([0, 3, 7, 5, 3, 8]) == "x + sin( 1 )"


def test_padding_adds_nothing() -> None:
    rows = torch.tensor([[3, 7, 11, 11], [3, 8, 11, 11]], dtype=torch.uint8)
    assert Writer(definitions.expressions()).write_all(rows) == ["x", "1"]


def test_an_unfinished_derivation_has_no_string() -> None:
    assert Writer(definitions.expressions()).write([0, 3, 7]) == ""
