from __future__ import annotations

import math
from typing import Annotated

import pytest

from methods.core.errors import BadInput
from methods.core.ranges import Hyperparameter, Integer, OneOf, Range, Real, declared, resolved


def _function(
    data: object,
    *,
    rate: Annotated[float, Real(0.1, 10, log=True)] = 1.0,
    layers: Annotated[int, Integer(1, 4)] = 2,
    kind: Annotated[str, OneOf("full", "diagonal")] = "full",
    free: int = 3,
) -> None: ...


def test_ranges_are_read_from_the_signature_in_its_order() -> None:
    assert list(declared(_function).items()) == [
        ("rate", Hyperparameter(1.0, Real(0.1, 10, log=True))),
        ("layers", Hyperparameter(2, Integer(1, 4))),
        ("kind", Hyperparameter("full", OneOf("full", "diagonal"))),
    ]


def test_ranges_of_a_class_are_those_of_its_constructor() -> None:
    class Thing:
        def __init__(self, *, size: Annotated[int, Integer(1, 4)] = 2) -> None: ...

    assert declared(Thing.__init__) == {"size": Hyperparameter(2, Integer(1, 4))}


def test_what_is_not_given_has_its_default() -> None:
    assert resolved("f", _function, {"layers": 3}) == {"rate": 1.0, "layers": 3, "kind": "full"}


def test_a_name_that_is_not_declared_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"unknown hyperparameter of f 'layer': did you mean 'layers'\?"):
        resolved("f", _function, {"layer": 3})


def test_a_parameter_without_a_range_cannot_be_set() -> None:
    with pytest.raises(BadInput, match="unknown hyperparameter of f 'free'"):
        resolved("f", _function, {"free": 4})


@pytest.mark.parametrize(
    ("span", "value", "kept"),
    [
        (Real(0, 1), 0, 0.0),
        (Real(0, 1), 1.0, 1.0),
        (Real(1, 10, least=0, most=100), 0, 0.0),
        (Real(1, 10, least=0, most=100), 100, 100.0),
        (Integer(1, 4), 4, 4),
        (Integer(1, 4), 3.0, 3),
        (Integer(1, 4, least=0), 0, 0),
        (OneOf("full", "diagonal"), "diagonal", "diagonal"),
        (OneOf(1, 2), 2, 2),
        (OneOf(True, False), False, False),
    ],
)
def test_a_valid_value_is_kept_in_the_type_of_its_range(span: Range, value: object, kept: object) -> None:
    found = span.check("x", value)
    assert found == kept
    assert type(found) is type(kept)


@pytest.mark.parametrize("value", ["1", None, True, [1], math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_refused_as_a_real(value: object) -> None:
    with pytest.raises(BadInput, match="x must be a finite number, got "):
        Real(0, 1).check("x", value)


@pytest.mark.parametrize("value", ["1", None, True, [1], 1.5, math.nan, math.inf, -math.inf])
def test_what_is_no_whole_number_is_refused_as_an_integer(value: object) -> None:
    with pytest.raises(BadInput, match="x must be a whole number, got "):
        Integer(0, 4).check("x", value)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 3])
def test_a_choice_must_be_of_its_own_type(value: object) -> None:
    with pytest.raises(BadInput, match=r"x must be one of 1, 2, got "):
        OneOf(1, 2).check("x", value)


def test_a_misspelled_choice_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"unknown x 'diag': did you mean 'diagonal'\?"):
        OneOf("full", "diagonal").check("x", "diag")


@pytest.mark.parametrize("span", [Real(1, 10), Integer(1, 10)])
@pytest.mark.parametrize("value", [0, 11, 10**400], ids=["below", "above", "beyond what a float can hold"])
def test_a_value_outside_is_refused_with_both_ends(span: Range, value: int) -> None:
    with pytest.raises(BadInput, match=f"x must be between 1 and 10, got {value}"):
        span.check("x", value)


def test_large_whole_numbers_are_shown_in_full() -> None:
    with pytest.raises(BadInput, match="x must be between 0 and 2147483647, got 2147483648"):
        Integer(0, 2**31 - 1).check("x", 2**31)


def test_valid_ends_are_named_where_they_are_wider_than_the_searched_ones() -> None:
    with pytest.raises(BadInput, match="x must be between 0 and 1000, got 2000"):
        Real(0.1, 10, least=0, most=1000).check("x", 2000)
