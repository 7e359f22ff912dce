"""Strings of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from methods.core.errors import BadInput
from pipelines import datasets, presets
from pipelines.sequences import languages
from pipelines.trial import trial

MOLECULES = ["C" * length for length in range(1, 21)]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path / "cache"))


def written(folder: Path, *lines: str) -> Path:
    path = folder / "mine.txt"
    path.write_text("\n".join(lines))
    return path


def all_strings(name: str) -> list[str]:
    dataset = datasets.load(name)
    splits = (dataset.data.train, dataset.data.valid, dataset.data.test)
    return [text for split in splits for text in languages.language(dataset.likelihood).write(split.x)]


def test_lines_become_a_data_set_without_what_follows_a_molecule_and_repetitions(tmp_path: Path) -> None:
    path = written(tmp_path, *(f"{text}\tname {text}" for text in MOLECULES), "", "CC again")
    assert sorted(all_strings(f"smiles_characters:{path}")) == sorted(MOLECULES)


def test_expressions_keep_their_spaces(tmp_path: Path) -> None:
    texts = [f"{a} {sign} {b}" for a in "x12" for b in "x23" for sign in "+*/"]
    assert sorted(all_strings(f"expression_grammar:{written(tmp_path, *texts)}")) == sorted(texts)


def test_bad_lines_are_counted_and_named_and_stop_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = ["C" * 300, "C?C", "C(C", "CCQ"]
    assert len(all_strings(f"smiles_characters:{written(tmp_path, *MOLECULES, *bad)}")) == len(MOLECULES) + 1
    told = " ".join(capsys.readouterr().err.split())
    assert "21 of 24 strings encoded" in told  # C(C is one character after the other, and no molecule
    assert "1 too long" in told
    assert "2 unknown token" in told


def test_a_length_of_ones_own_makes_room_for_longer_strings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, *MOLECULES, "C" * 300)
    assert "C" * 300 not in all_strings(f"smiles_characters:{path}")
    assert f"smiles_characters:240:{path}" in "".join(capsys.readouterr().err.split())
    assert "C" * 300 in all_strings(f"smiles_characters:300:{path}")
    assert datasets.load(f"smiles_characters:300:{path}").event[0] == 300


def test_a_length_that_nothing_fits_into_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, *MOLECULES)
    with pytest.raises(BadInput, match="at least 1"):
        datasets.load(f"smiles_characters:0:{path}")
    with pytest.raises(BadInput, match="too short"):
        datasets.load(f"smiles_grammar:2:{path}")


def test_a_file_whose_name_has_a_colon_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, *MOLECULES).rename(tmp_path / "a:mine.txt")
    assert sorted(all_strings(f"smiles_characters:{path}")) == sorted(MOLECULES)


def test_a_malformed_molecule_is_refused_by_the_grammar(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(all_strings(f"smiles_grammar:{written(tmp_path, *MOLECULES, 'C(C')}")) == len(MOLECULES)
    assert "C(C" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "words"),
    [([], "is empty"), (["", " "], "is empty"), (["?", "!"], "no line of .* is a string"), (["C", "CC"], "too few")],
)
def test_a_file_without_strings_is_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        datasets.load(f"smiles_characters:{written(tmp_path, *lines)}")


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot read .*none\.txt"):
        datasets.load(f"smiles_grammar:{tmp_path}/none.txt")
    (tmp_path / "image.txt").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(BadInput, match="no text in UTF-8"):
        datasets.load(f"smiles_grammar:{tmp_path}/image.txt")


def test_an_unknown_language_is_answered_with_the_nearest_before_any_work() -> None:
    with pytest.raises(BadInput, match="did you mean 'smiles_selfies'"):
        trial({"data": "smiles_selfie:mine.txt", "method": "rae"})


def test_a_file_has_the_presets_and_the_usual_method_of_data_like_it() -> None:
    name = "smiles_selfies:mine.txt@0.5"
    assert presets.settings("harmonised", "rae", name) == presets.settings("harmonised", "rae", "zinc_selfies")
    assert datasets.usual_method(name) == datasets.usual_method("expressions") == "rae"
    assert datasets.usual_method("mnist") == "vae"
