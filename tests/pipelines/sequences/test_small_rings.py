"""Decoding that is reluctant to close large rings."""

from __future__ import annotations

import pytest
import torch

from pipelines.sequences import languages
from pipelines.sequences.language import Tokens
from pipelines.sequences.selfies_fragments import LENGTH
from pipelines.sequences.selfies_language import read, written
from pipelines.sequences.small_rings import COST, MOST, SmallRings

Chem = pytest.importorskip("rdkit.Chem")

PIECES = ["[C]", "[=C]", "[N]", "[Ring1]", "[=Ring1]", "[Ring2]", "[Branch1]", "[=Branch1]", "[O]"]


def largest_rings(texts: list[str]) -> list[int]:
    """Of a set of smallest rings, by RDKit."""
    found = [Chem.MolFromSmiles(text, sanitize=False) for text in texts]
    return [max((len(ring) for ring in Chem.GetSymmSSSR(molecule)), default=0) for molecule in found]


def chain_and_ring(digit: int, score: float) -> torch.Tensor:
    """Scores of nine atoms in a chain and a ring whose number is this digit, by so much."""
    wanted = [0] * 9 + [3, 6]  # [Branch1] stands for 3: four atoms back, five in the ring
    scores = torch.zeros(1, 11, 10)
    scores[0, range(11), wanted] = 2 * COST
    scores[0, 10, digit] = 2 * COST + score
    return scores


def test_random_molecules_have_far_fewer_large_rings() -> None:
    scores = torch.randn(100, 20, len(PIECES) + 1, generator=torch.Generator().manual_seed(0))
    scores[..., -1] -= 3  # long molecules
    limited, plain = SmallRings(PIECES, 20), Tokens(PIECES, 20, spell=written, unspell=read)
    sizes = [largest_rings(language.write(language.greedy(scores))) for language in (limited, plain)]
    few, many = (sum(size > MOST for size in found) for found in sizes)
    assert few < many / 4
    assert sum(size > 0 for size in sizes[0]) > 30


def test_a_small_ring_is_closed_as_ever() -> None:
    assert SmallRings(PIECES, 11).greedy(chain_and_ring(7, 1.0))[0, 10] == 7  # [=Branch1], 4: six in the ring


def test_a_large_ring_is_closed_where_it_leads_by_the_cost_alone() -> None:
    language = SmallRings(PIECES, 11)
    assert language.greedy(chain_and_ring(8, COST - 0.1))[0, 10] == 6  # [O], 9: the ring of five is chosen instead
    assert language.greedy(chain_and_ring(8, COST + 0.1))[0, 10] == 8


def test_a_ring_that_its_atom_has_no_bond_for_is_not_written() -> None:
    language = SmallRings(["[F]", *PIECES], 5)
    scores = torch.zeros(1, 5, 11)
    scores[0, range(5), [0, 1, 1, 4, 4]] = 2  # [F][C][C][Ring1][Ring1]: back to the fluorine
    assert language.greedy(scores)[0].tolist() != [0, 1, 1, 4, 4]


def test_no_molecule_ends_within_the_number_of_a_ring() -> None:
    scores = torch.zeros(1, 5, 10)
    scores[0, range(5), [0, 0, 0, 3, 9]] = 2  # [C][C][C][Ring1] and the end
    assert SmallRings(PIECES, 5).greedy(scores)[0, 4] != 9


def test_symbols_and_likelihood_are_those_of_the_fragments() -> None:
    limited, plain = (languages.language(f"smiles_fragments{end}") for end in ("_small_rings", ""))
    assert (limited.definition, limited.length) == (plain.definition, LENGTH)
    sequences = torch.randint(256, (5, LENGTH), generator=torch.Generator().manual_seed(0))
    assert torch.equal(limited.allowed(sequences), plain.allowed(sequences))
