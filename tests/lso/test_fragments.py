"""Pieces of strings as features."""

from __future__ import annotations

from lso.fragments import fragments
from pipelines.sequences.languages import language


def counted(name: str, *texts: str):
    found = language(name)
    return fragments(found, [found.encode(text) for text in texts])


def test_equal_subtrees_are_counted_wherever_they_stand():
    one, two = counted("expression_grammar", "sin( x * x )", "1 + sin( x * x )")
    assert (two >= one - 1).all()
    assert two.sum() > one.sum()


def test_padding_is_no_piece():
    short = language("expression_grammar", 15)
    long = language("expression_grammar", 40)
    assert (fragments(short, [short.encode("x + 1")]) == fragments(long, [long.encode("x + 1")])).all()


def test_four_neighboring_tokens_are_the_longest_piece():
    (counts,) = counted("smiles_selfies", "CCCCC")
    assert counts.sum() == 5 + 4 + 3 + 2
