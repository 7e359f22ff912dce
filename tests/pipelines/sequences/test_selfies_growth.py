"""Molecules while their SELFIES are read, beside what RDKit says of what the library `selfies` makes of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipelines.sequences import languages
from pipelines.sequences.language import Language
from pipelines.sequences.selfies_growth import BACK, Growth, features_before
from pipelines.sequences.selfies_language import TOKENS
from pipelines.sequences.selfies_spelling import spelling

Chem = pytest.importorskip("rdkit.Chem")


def grown(sequences: Tensor) -> Growth:
    """Molecules of sequences (N, length) of tokens, as far as they are written."""
    growth = Growth(len(sequences), spelling(TOKENS).facts)
    for place in range(sequences.shape[1]):
        number = sequences[:, place].long()
        growth.read(number.masked_fill(number == len(TOKENS), -1))
    return growth


def tokens(text: str) -> Tensor:
    return torch.tensor([[TOKENS.index(f"[{part}]") for part in text.strip("[]").split("][")]])


def by_rdkit(language: Language, sequences: Tensor) -> list[NDArray[np.float64]]:
    """Bonds on the shortest way between every two atoms of every molecule."""
    read = (Chem.MolFromSmiles(text, sanitize=False) for text in language.write(sequences.to(torch.uint8)))
    return [Chem.GetDistanceMatrix(molecule) for molecule in read]


def test_all_atoms_of_real_molecules_are_as_far_apart_as_in_rdkit() -> None:
    from pipelines.datasets import nci

    language = languages.language("smiles_selfies")
    rows = [language.encode(text) for text in nci.lines()[:300] if _is_known(language, text)]
    sequences = torch.tensor([list(row) for row in rows])
    growth = grown(sequences)
    expected = by_rdkit(language, sequences)
    small = [row for row, apart in enumerate(expected) if len(apart) <= 42]
    assert len(small) > 200
    assert not growth.lost.any()
    for row in small:
        count = len(expected[row])
        assert growth.atoms[row] == count
        np.testing.assert_array_equal(growth.apart[row, :count, :count].numpy(), expected[row])


def test_chains_end_and_branches_are_skipped_where_valence_says_so() -> None:
    """Random tokens of atoms and branches, which close no ring: SELFIES say what becomes of each."""
    language = languages.language("smiles_selfies", 24)
    chosen = [n for n, token in enumerate(TOKENS) if "Ring" not in token]
    generator = torch.Generator().manual_seed(0)
    sequences = torch.tensor(chosen)[torch.randint(len(chosen), (300, 24), generator=generator)]
    growth = grown(sequences)
    for row, expected in enumerate(by_rdkit(language, sequences)):
        count = len(expected)
        assert growth.atoms[row] == count
        np.testing.assert_array_equal(growth.apart[row, :count, :count].numpy(), expected)


def test_the_sizes_are_those_of_the_rings_that_could_be_closed() -> None:
    chain = grown(tokens("[C][=C][C][=C][C][=C]"))
    assert chain.features()[0, :BACK].tolist() == [2, 3, 4, 5, 6] + [0] * (BACK - 5)


def test_a_closed_ring_shortens_the_ways_across_it() -> None:
    benzyl = grown(tokens("[C][=C][C][=C][C][=C][Ring1][=Branch1][C]"))
    assert benzyl.features()[0, :6].tolist() == [2, 3, 4, 5, 4, 3]


def test_after_a_branch_the_next_atom_is_bound_to_the_one_before_it() -> None:
    growth = grown(tokens("[C][C][Branch1][Ring1][C][C]"))  # a branch of two atoms on the second one
    assert growth.current.tolist() == [1]
    assert growth.features()[0, :2].tolist() == [2, 0]


def test_what_is_open_is_told() -> None:
    depth = grown(tokens("[C][C][Branch1][#Branch1][C]")).features()[0, BACK:].tolist()
    ring = grown(tokens("[C][C][C][Ring1]")).features()[0, BACK:].tolist()
    assert depth == [
        3,
        1,
        0,
        5,
        1,
    ]  # three bonds left, can grow, no number, five tokens of a branch to come, one branch
    assert ring == [3, 1, 3, 0, 0]  # one digit of a ring's number to come


def test_a_ring_without_a_bond_for_it_is_lost() -> None:
    closed, full = grown(tokens("[C][C][C][Ring1][Ring1]")), grown(tokens("[F][C][C][Ring1][Ring1]"))
    taken = grown(tokens("[C][Branch1][Branch1][C][C][Ring1][Ring1][#C]"))  # the chain takes what the ring needs
    assert [growth.lost.item() for growth in (closed, full, taken)] == [0, 1, 1]
    assert [growth.largest.item() for growth in (closed, full)] == [3, 0]


def test_fragments_grow_as_the_tokens_that_they_are_made_of() -> None:
    pieces, single = ["[C][C]", "[C][Ring1]", "[Ring1]", "[O]"], ["[C]", "[Ring1]", "[O]"]
    whole = features_before(torch.tensor([[0, 1, 2, 3]]), spelling(pieces))
    parts = features_before(torch.tensor([[0, 0, 0, 1, 1, 2]]), spelling(single))
    assert torch.equal(whole[0], parts[0, [0, 2, 4, 5]])


def test_molecules_of_a_batch_do_not_meet() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(len(TOKENS), (8, 20), generator=generator)
    table = spelling(TOKENS)
    alone = torch.cat([features_before(row.unsqueeze(0), table) for row in rows])
    assert torch.equal(features_before(rows, table), alone)


def _is_known(language: Language, text: str) -> bool:
    from pipelines.grammar.parser import Refused

    try:
        return bool(language.encode(text))
    except Refused:
        return False
