"""Joining frequent pairs of symbols."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from pipelines.sequences import languages, pairs, selfies_fragments, zinc_data
from pipelines.sequences.encoding import encode
from pipelines.sequences.language import Tokens

_PADDING = 9


def rows(*texts: str) -> torch.Tensor:
    """Digits as symbols, padded."""
    longest = max(map(len, texts))
    return torch.tensor(
        [[int(digit) for digit in text.ljust(longest, str(_PADDING))] for text in texts], dtype=torch.uint8
    )


def by_hand(texts: list[str], count: int) -> list[tuple[int, ...]]:
    """The same, over lists of tuples."""
    strings: list[list[tuple[int, ...]]] = [[(int(digit),) for digit in text] for text in texts]
    order: dict[tuple[int, ...], int] = {(digit,): digit for digit in range(10)}
    found: list[tuple[int, ...]] = []
    for _ in range(count):
        counts = Counter(pair for string in strings for pair in pairwise(string))
        pair = min(counts, key=lambda pair: (-counts[pair], order[pair[0]], order[pair[1]]))
        new = pair[0] + pair[1]
        order.setdefault(new, 10 + len(found))
        found.append(new)
        strings = [_replaced(string, pair, new) for string in strings]
    return found


def _replaced(
    string: list[tuple[int, ...]], pair: tuple[tuple[int, ...], tuple[int, ...]], new: tuple[int, ...]
) -> list[tuple[int, ...]]:
    out: list[tuple[int, ...]] = []
    place = 0
    while place < len(string):
        here = tuple(string[place : place + 2]) == pair
        out.append(new if here else string[place])
        place += 1 + here
    return out


def test_the_most_frequent_pair_is_joined_first_and_then_counts_as_one() -> None:
    assert pairs.merged(rows("012", "0122", "301"), _PADDING, 2) == [(0, 1), (0, 1, 2)]


def test_a_repeated_symbol_is_joined_from_the_left() -> None:
    assert pairs.merged(rows("0001", "4001"), _PADDING, 2) == [(0, 0), (0, 1)]


def test_nothing_is_joined_across_two_rows_or_with_padding() -> None:
    assert pairs.merged(rows("0", "1", "2"), _PADDING, 5) == []


def test_fragments_are_those_found_by_counting_in_lists() -> None:
    digits = torch.randint(3, (60, 12), generator=torch.Generator().manual_seed(0)).tolist()
    texts = ["".join(map(str, row[: 3 + number % 10])) for number, row in enumerate(digits)]
    assert pairs.merged(rows(*texts), _PADDING, 20) == by_hand(texts, 20)


def test_a_molecule_is_cut_into_fewer_fragments_than_tokens() -> None:
    text = "CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1"
    fragments, tokens = (languages.language(f"smiles_{name}").parse(text) for name in ("fragments", "selfies"))
    assert 2 * len(fragments) < len(tokens)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_fragments_are_those_of_the_training_molecules(zinc: Path) -> None:
    held_out = {text for name in ("valid", "test") for text in (zinc / f"{name}.txt").read_text().split()}
    train = [text for text in zinc_data.lines() if text not in held_out][:60_000]
    language = languages.language("smiles_selfies")
    assert isinstance(language, Tokens)
    found = pairs.merged(encode(train, language).sequences, language.padding, 148)
    own = selfies_fragments.selfies_fragments(1).tokens[len(language.tokens) :]
    assert list(own) == ["".join(language.tokens[symbol] for symbol in part) for part in found]
