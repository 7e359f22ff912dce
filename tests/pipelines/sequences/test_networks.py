from __future__ import annotations

import pytest

from methods.core.errors import BadInput
from pipelines.sequences import networks


def build(name: str = "mlp", event: tuple[int, ...] = (15, 12), likelihood: str = "expression_grammar") -> object:
    return networks.build(name, event=event, rows=10, classes=0, likelihood=likelihood)


def test_families_go_by_the_names_of_their_files() -> None:
    assert networks.names() == [
        "autoregressive_gru",
        "autoregressive_mlp",
        "autoregressive_molecule",
        "gated_mlp",
        "gru",
        "mlp",
    ]


def test_an_unknown_family_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match=r"unknown network for sequences 'conv'.*gated_mlp, gru, mlp"):
        build("conv")


def test_an_unknown_likelihood_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'expression_grammar'"):
        build(likelihood="expressions_grammar")


def test_data_in_another_language_are_refused() -> None:
    with pytest.raises(BadInput, match="expression_grammar has 12 symbols"):
        build(event=(277, 76))
