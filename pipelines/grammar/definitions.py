"""The two grammars of the grammar variational autoencoder.

Source: Kusner, Paige and Hernández-Lobato 2017, `eq_grammar.py` and `zinc_grammar.py` of the authors' code: the same
rules under the same numbers. `BACH -> charge class` and `BACH -> class` are dead, since `class` has no rule; the
authors set their masks to zero.
"""

from __future__ import annotations

import functools

from pipelines.grammar.cfg import Grammar, read

EXPRESSION_LENGTH = 15
"""Rules in the longest expression, and one."""

SMILES_LENGTH = 277
"""Rules in the longest molecule of ZINC250k."""

_EXPRESSIONS = """
S -> S '+' T | S '*' T | S '/' T | T
T -> '(' S ')' | 'sin(' S ')' | 'exp(' S ')' | 'x' | '1' | '2' | '3'
"""

_SMILES = """
smiles -> chain
atom -> bracket_atom | aliphatic_organic | aromatic_organic
aliphatic_organic -> 'B' | 'C' | 'N' | 'O' | 'S' | 'P' | 'F' | 'I' | 'Cl' | 'Br'
aromatic_organic -> 'c' | 'n' | 'o' | 's'
bracket_atom -> '[' BAI ']'
BAI -> isotope symbol BAC | symbol BAC | isotope symbol | symbol
BAC -> chiral BAH | BAH | chiral
BAH -> hcount BACH | BACH | hcount
BACH -> charge class | charge | class
symbol -> aliphatic_organic | aromatic_organic
isotope -> DIGIT | DIGIT DIGIT | DIGIT DIGIT DIGIT
DIGIT -> '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8'
chiral -> '@' | '@@'
hcount -> 'H' | 'H' DIGIT
charge -> '-' | '-' DIGIT | '-' DIGIT DIGIT | '+' | '+' DIGIT | '+' DIGIT DIGIT
bond -> '-' | '=' | '#' | '/' | '\\'
ringbond -> DIGIT | bond DIGIT
branched_atom -> atom | atom RB | atom BB | atom RB BB
RB -> RB ringbond | ringbond
BB -> BB branch | branch
branch -> '(' chain ')' | '(' bond chain ')'
chain -> branched_atom | chain branched_atom | chain bond branched_atom
"""


@functools.cache
def expressions() -> Grammar:
    """12 rules for univariate expressions: `x * 2 + sin( x )`, terminals separated by spaces."""
    return read(_EXPRESSIONS, separator=" ")


@functools.cache
def smiles() -> Grammar:
    """76 rules for SMILES: the elements and ring closures 1 to 8 of ZINC250k."""
    return read(_SMILES)
