"""A decoder that sees the molecule that it has written."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional as F

from methods.core.errors import BadInput
from pipelines.sequences import networks
from pipelines.sequences.autoregressive import Autoregressive
from pipelines.sequences.grown import WithMolecule
from pipelines.sequences.language import Tokens
from pipelines.sequences.selfies_spelling import spelling

PIECES = ["[C]", "[=C][C]", "[C][Ring1]", "[Ring1]", "[Branch1]", "[O]"]


def decoder_of(pieces: list[str], length: int) -> Autoregressive:
    torch.manual_seed(0)
    network = WithMolecule(3, length=length, spelling=spelling(pieces), units=16, features=5, hidden=8, embedded=4)
    for weights in network.parameters():
        weights.data *= 3  # so that symbols differ in probability
    return Autoregressive(network, Tokens(pieces, length)).eval()


def test_scores_step_by_step_are_those_of_all_places_at_once() -> None:
    decoder, z = decoder_of(PIECES, 9), torch.randn(20, 3)
    written = decoder.greedy(z).long()
    step = decoder.network.steps(z)
    one_by_one = [step(place, written[:, place - 1] if place else None) for place in range(written.shape[1])]
    torch.testing.assert_close(torch.stack(one_by_one, 1), decoder.network(z, written))


def test_scores_of_some_places_are_those_among_all() -> None:
    decoder, z = decoder_of(PIECES, 5), torch.randn(4, 3)
    symbols = torch.randint(len(PIECES), (4, 5))
    places = torch.tensor([0, 7, 19])
    every = decoder.network(z, symbols).flatten(0, 1)
    torch.testing.assert_close(decoder.network(z, symbols, places), every[places])


def test_the_probabilities_of_all_strings_sum_to_one() -> None:
    decoder, z = decoder_of(PIECES[:3], 3), torch.randn(1, 3)
    rows = torch.tensor(list(itertools.product(range(4), repeat=3)))
    first_end = (rows == 3).int().cumsum(1)
    strings = rows[((rows == 3) | (first_end == 0)).all(1) & (rows[:, 0] != 3)]
    each = decoder.log_prob(F.one_hot(strings, 4).float(), z.expand(len(strings), -1))
    assert each.exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_what_was_written_matters_beyond_the_window_of_symbols() -> None:
    """Two molecules whose last eight symbols are the same: one of them began with a ring, the other with a chain."""
    decoder, z = decoder_of(PIECES, 13), torch.randn(1, 3)
    ring, chain = [0, 0, 2, 3], [0, 0, 0, 0]
    rows = torch.tensor([[*ring, *[0] * 9], [*chain, *[0] * 9]])
    scores = decoder.network(z.expand(2, -1), rows)[:, 12]
    assert not torch.allclose(scores[0], scores[1])


def test_a_language_that_is_not_of_selfies_is_refused() -> None:
    domain = networks.build(
        "autoregressive_molecule", event=(15, 12), rows=10, classes=0, likelihood="expression_grammar"
    )
    with pytest.raises(BadInput, match=r"smiles_fragments.*set network=autoregressive_mlp"):
        domain.decoder(3)
