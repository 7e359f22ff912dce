"""The data sets of strings, as a user loads them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from methods.core.base import Split
from methods.core.errors import BadInput
from pipelines import datasets
from pipelines.datasets import nci
from pipelines.datasets.dataset import Dataset, from_arrays, to_arrays
from pipelines.sequences import expression_data, generation, languages, zinc_data

Load = Callable[[str], Dataset]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    """Load a data set whose encoding is kept for this file's tests alone."""
    folder = str(tmp_path_factory.mktemp("cache"))

    def loaded(name: str) -> Dataset:
        with mock.patch.dict(os.environ, {"LATENT_ORCHESTRA_CACHE": folder}):
            return datasets.load(name)

    return loaded


def strings(split: Split, language: str) -> list[str]:
    return languages.language(language, split.x.shape[1]).write(split.x)


def parts(dataset: Dataset) -> list[Split]:
    return [dataset.data.train, dataset.data.valid, dataset.data.test]


@pytest.mark.parametrize("name", ["expressions", "expressions_characters"])
def test_the_three_parts_are_all_expressions_once(name: str, load: Load, expression_lines: list[str]) -> None:
    dataset = load(name)
    assert [len(part) for part in parts(dataset)] == [80_000, 10_000, 10_000]
    found = [text for part in parts(dataset) for text in strings(part, dataset.likelihood)]
    assert sorted(found) == sorted(expression_lines)


def test_characters_are_cut_into_the_same_parts_as_rules(load: Load) -> None:
    rules, characters = (
        strings(load(f"expressions{end}").data.test, f"expression_{kind}")
        for end, kind in (("", "grammar"), ("_characters", "characters"))
    )
    assert rules == characters


def test_the_target_and_what_is_nearly_it_are_in_no_part_that_is_learned_from(load: Load) -> None:
    dataset = load("expressions")
    test = strings(dataset.data.test, "expression_grammar")
    assert set(test[-4:]) == {
        "1 * x + sin( 3 ) + sin( x * x )",
        "1 / 2 + x + sin( x * x )",
        "1 / 3 + ( x ) + sin( x * x )",
        "x * 1 + sin( 3 ) + sin( x * x )",
    }


def test_rows_are_read_as_one_hot_vectors(load: Load) -> None:
    split = load("expressions").data.valid
    batch = split[torch.arange(7)]
    assert batch.x.shape == (7, 15, 12)
    assert batch.x is batch.grey
    assert torch.equal(batch.x.argmax(2), split.x[:7].long())
    assert torch.equal(batch.x.sum(2), torch.ones(7, 15))


def test_a_data_set_of_sequences_survives_the_way_through_arrays(load: Load) -> None:
    dataset = load("expressions")
    again = from_arrays(to_arrays(dataset))
    assert again.event == dataset.event == (15, 12)
    assert again.checksum == dataset.checksum
    assert torch.equal(again.data.test[torch.arange(3)].x, dataset.data.test[torch.arange(3)].x)


def test_generated_expressions_are_cut_like_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path))
    grammar = languages.language("expression_grammar")
    texts = grammar.write(generation.generate(grammar, 1000))
    dataset = expression_data.held_out(texts, "generated")
    assert [len(part) for part in parts(dataset)] == [800, 100, 100]
    assert sorted(text for part in parts(dataset) for text in strings(part, "expression_grammar")) == sorted(texts)


@pytest.mark.parametrize(("start", "sizes"), [("tripp", [4000, 500, 500]), ("tlbo", [32_000, 4000, 4000])])
def test_a_start_shows_none_of_the_best_expressions(
    start: str, sizes: list[int], load: Load, expression_lines: list[str], expression_scores: Path
) -> None:
    """By the scores of another project, with another limit: the best three percent are the same at the top."""
    dataset = load(f"expressions_{start}")
    assert [len(part) for part in parts(dataset)] == sizes
    shown = [text for part in parts(dataset) for text in strings(part, "expression_grammar")]
    assert len(set(shown)) == sum(sizes)
    order = np.argsort(np.load(expression_scores)["arr_0"])
    assert not {expression_lines[row] for row in order[:2000]} & set(shown)


def test_the_start_of_the_original_shows_all_expressions(load: Load, expression_lines: list[str]) -> None:
    shown = [text for part in parts(load("expressions_gvae")) for text in strings(part, "expression_grammar")]
    assert sorted(shown) == sorted(expression_lines)


def test_too_few_strings_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path))
    with pytest.raises(BadInput, match="too few to learn from"):
        expression_data.held_out(["x", "not one"], "some")


def test_the_molecules_of_rdkit_are_there_without_a_download(load: Load, capsys: pytest.CaptureFixture[str]) -> None:
    chem = pytest.importorskip("rdkit.Chem")
    dataset = load("nci")
    found = [text for part in parts(dataset) for text in strings(part, "smiles_grammar")]
    assert len(found) == len(set(found)) > 4500
    assert all(chem.MolFromSmiles(text) for text in found[::50])
    assert "strings encoded, refused:" in " ".join(capsys.readouterr().err.split())


def test_the_molecules_of_rdkit_come_back_from_their_fragments(load: Load) -> None:
    chem, _ = pytest.importorskip("rdkit.Chem"), pytest.importorskip("selfies")
    found = [text for part in parts(load("nci_fragments")) for text in strings(part, "smiles_fragments")]
    assert len(found) > 4500
    assert {chem.CanonSmiles(text) for text in found[::50]} <= set(nci.lines())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_molecule_of_zinc_comes_back_from_its_rules_in_the_part_of_jt_vae(load: Load, zinc: Path) -> None:
    dataset = load("zinc")
    assert [len(part) for part in parts(dataset)] == [220_010, 24_445, 5000]
    train, valid, test = (strings(part, "smiles_grammar") for part in parts(dataset))
    assert test == (zinc / "test.txt").read_text().split()
    assert set(valid) == set((zinc / "valid.txt").read_text().split())
    assert {*train, *valid, *test} == set(zinc_data.lines())
