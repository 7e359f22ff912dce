"""Values of expressions, from their rule sequences and without `eval`.

Python's precedence holds: products and quotients before sums, else from the left. The grammar's own tree knows no
precedence, but the objective of Kusner et al. 2017 evaluates the strings as Python with true division.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

_PLUS, _TIMES, _OVER, _TERM, _GROUP, _SIN, _EXP, _X = range(8)  # the rules of `definitions.expressions`, by number
_LAST = _X + 3
_LEAVES = {_X + number: np.float64(number) for number in (1, 2, 3)}
_FUNCTIONS = {_SIN: np.sin, _EXP: np.exp}

Values = NDArray[np.float64]
_Number = Values | np.float64
_ZERO: _Number = np.float64(0)
_ONE: _Number = np.float64(1)


def evaluate(rules: bytes, x: Values) -> Values:
    """The expression's values at the points x, in float64. Overflow is inf and 0/0 is NaN, without a warning.

    One pass over the derivation, with a stack for what is outside of brackets. The operators of a sum come before its
    terms, the last one first; that the first term is all there is yet counts as multiplying 1 by it.
    """
    outside: list[tuple[list[int], _Number, _Number, int]] = []
    operators: list[int] = []
    total, product = _ZERO, _ONE
    with np.errstate(all="ignore"):
        for rule in rules:
            if rule <= _TERM:
                operators.append(_TIMES if rule == _TERM else rule)
            elif rule < _X:
                outside.append((operators, total, product, rule))
                operators, total, product = [], _ZERO, _ONE
            elif rule <= _LAST:
                total, product = _with(_LEAVES.get(rule, x), operators.pop(), total, product)
                while outside and not operators:  # a sum is complete: it is a term of the sum around it
                    inner = total + product
                    operators, total, product, function = outside.pop()
                    term = _FUNCTIONS[function](inner) if function in _FUNCTIONS else inner
                    total, product = _with(term, operators.pop(), total, product)
        return np.broadcast_to(total + product, x.shape)


def evaluate_all(sequences: UInt8[Tensor, "N length"], x: Values) -> Values:
    """The values (N, points) of many expressions."""
    return np.stack([evaluate(row.tobytes(), x) for row in sequences.numpy()])


def _with(term: _Number, operator: int, total: _Number, product: _Number) -> tuple[_Number, _Number]:
    """Sum and last product after one more term."""
    if operator == _TIMES:
        return total, product * term
    if operator == _OVER:
        return total, product / term
    return total + product, term
