from __future__ import annotations

import itertools

import pytest
import torch
from scipy.stats import chisquare

from methods.core.errors import BadInput
from pipelines.grammar.cfg import read
from pipelines.grammar.parser import Refused
from pipelines.sequences import languages
from pipelines.sequences.language import Derivations, Language, Tokens

FALSE_ALARM = 1e-6
MOLECULE = "C[C@@H]1CC(Nc2cncc(-c3nncn3C)c2)C[C@@H](Br)C1"
EXPRESSION = "x + sin( 3 ) + exp( x * x )"


def examples() -> list[tuple[str, str]]:
    return [(name, EXPRESSION if name.startswith("expression") else MOLECULE) for name in languages.names()]


@pytest.mark.parametrize(("name", "text"), examples())
def test_a_string_comes_back_from_its_symbols(name: str, text: str) -> None:
    language = languages.language(name)
    row = torch.tensor([list(language.encode(text))], dtype=torch.uint8)
    assert row.shape == (1, language.length)
    (written,) = language.write(row)
    if name.startswith(("smiles_selfies", "smiles_fragments")):  # another way to write the same molecule
        chem = pytest.importorskip("rdkit.Chem")
        written, text = (chem.CanonSmiles(smiles) for smiles in (written, text))
    assert written == text


@pytest.mark.parametrize(("name", "text"), examples())
def test_a_string_over_the_length_is_refused_and_one_symbol_more_would_do(name: str, text: str) -> None:
    symbols = len(languages.language(name).parse(text))
    assert languages.language(name, symbols).encode(text)
    with pytest.raises(Refused, match="too long"):
        languages.language(name, symbols - 1).encode(text)


@pytest.mark.parametrize("name", languages.names())
@pytest.mark.parametrize("text", ["", "  ", "Äpfel", "x + y", "[Xx]"])
def test_what_is_no_string_of_the_language_is_refused(name: str, text: str) -> None:
    with pytest.raises(Refused):
        languages.language(name).encode(text)


def test_a_string_of_an_alphabet_is_allowed_at_every_place_by_its_own_mask() -> None:
    for name, text in examples():
        language = languages.language(name)
        row = torch.tensor([list(language.encode(text))])
        assert language.allowed(row).gather(2, row.unsqueeze(2)).all()


def small() -> list[Language]:
    return [Tokens("ab", 4), Derivations(read("S -> '(' S ')' S | 'x'"), 7)]


def sequences(language: Language) -> torch.Tensor:
    """All sequences that come back from the string they stand for, by trying every one."""
    rows = torch.tensor(list(itertools.product(range(language.symbols), repeat=language.length)), dtype=torch.uint8)
    return torch.stack([row for row, text in zip(rows, language.write(rows), strict=True) if _is(row, text, language)])


def _is(row: torch.Tensor, text: str, language: Language) -> bool:
    try:
        return language.encode(text) == row.numpy().tobytes()
    except Refused:
        return False


def test_tokens_allow_every_string_up_to_the_length_once() -> None:
    assert len(sequences(Tokens("ab", 4))) == 2 + 4 + 8 + 16


@pytest.mark.parametrize("language", small(), ids=["tokens", "derivations"])
def test_samples_have_the_probabilities_of_the_masked_softmax(language: Language) -> None:
    rows, draws = sequences(language).long(), 20_000
    logits = torch.randn(1, language.length, language.symbols)
    masked = logits.double().masked_fill(~language.allowed(rows), -torch.inf).log_softmax(-1)
    expected = masked.gather(2, rows.unsqueeze(2)).sum((1, 2)).exp() * draws
    drawn = language.sample(logits.expand(draws, -1, -1)).long()
    observed = (drawn.unsqueeze(1) == rows).all(2).sum(0)
    assert observed.sum() == draws
    assert chisquare(observed.numpy(), expected.numpy()).pvalue > FALSE_ALARM


@pytest.mark.parametrize("language", small(), ids=["tokens", "derivations"])
def test_greedy_takes_the_best_allowed_symbol_everywhere(language: Language) -> None:
    logits = torch.randn(50, language.length, language.symbols)
    found = language.greedy(logits).long()
    best = logits.masked_fill(~language.allowed(found), -torch.inf).argmax(-1)
    assert torch.equal(found, best)


def test_an_unknown_language_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'smiles_grammar'"):
        languages.language("smile_grammar")


def test_a_length_that_nothing_fits_into_is_refused() -> None:
    with pytest.raises(BadInput, match="shortest sentence"):
        languages.language("smiles_grammar", 3)


def test_a_longer_limit_encodes_longer_molecules() -> None:
    text = "C" * 100
    with pytest.raises(Refused, match="too long"):
        languages.language("smiles_grammar").encode(text)
    assert len(languages.language("smiles_grammar", 500).encode(text)) == 500
