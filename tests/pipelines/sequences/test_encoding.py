from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.sequences import cache
from pipelines.sequences.encoding import encode
from pipelines.sequences.languages import language

LINES = ["x + 1", "x + y", "x", "x + x + x + x + x + x + x + x + x", "", "( x", "x - 1"]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path))
    return tmp_path


def test_bad_lines_are_counted_by_reason_and_the_good_ones_kept_in_order() -> None:
    found = encode(LINES, language("expression_grammar"))
    assert found.rows.tolist() == [0, 2]
    assert language("expression_grammar").write(found.sequences) == ["x + 1", "x"]
    assert found.report.refused == {"unknown token": 2, "too long": 1, "empty": 1, "not in the grammar": 1}
    assert found.report.encoded == 2
    assert "2 of 7 strings encoded" in str(found.report)
    assert "'x + y' holds 'y'" in str(found.report)


def test_no_strings_are_no_sequences() -> None:
    assert encode([], language("expression_grammar")).sequences.shape == (0, 15)


def test_what_was_encoded_before_is_read_from_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    first = cache.encoded("some", LINES, language("expression_grammar"))
    monkeypatch.setattr(cache, "encode", None)  # to be called now would be an error
    again = cache.encoded("some", LINES, language("expression_grammar"))
    assert torch.equal(again.sequences, first.sequences)
    assert torch.equal(again.rows, first.rows)
    assert again.report == first.report


def test_other_strings_and_other_lengths_are_encoded_anew(own_cache: Path) -> None:
    cache.encoded("some", LINES, language("expression_grammar"))
    cache.encoded("some", LINES[:-1], language("expression_grammar"))
    cache.encoded("some", LINES, language("expression_grammar", 30))
    assert len(list(own_cache.rglob("*.npz"))) == 3


@pytest.mark.parametrize("damage", ["flipped", "truncated", "another"])
def test_a_damaged_file_is_computed_again(own_cache: Path, damage: str) -> None:
    first = cache.encoded("some", LINES, language("expression_grammar"))
    (path,) = own_cache.rglob("*.npz")
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[content.index(first.sequences.numpy().tobytes())] ^= 1
    path.write_bytes(content[:100] if damage == "truncated" else content)
    if damage == "another":
        np.savez(path, sequences=np.zeros(3))
    again = cache.encoded("some", LINES, language("expression_grammar"))
    assert torch.equal(again.sequences, first.sequences)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path / "file"))
    assert len(cache.encoded("some", LINES, language("expression_grammar")).rows) == 2
