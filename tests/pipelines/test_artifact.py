from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import pipelines
from methods.core.base import Method
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines import artifact
from pipelines.datasets.dataset import Dataset
from pipelines.networks import likelihoods
from pipelines.training import domain
from pipelines.trial import Trial, trial

CONTENT = {"trial.json", "method.safetensors"}


def _trial(method: str = "vae", **settings: object) -> Trial:
    return trial({"method": method, "data": "digits", "network": "mlp", "latent": 10} | settings)


def _method(trial: Trial, dataset: Dataset) -> Method:
    return trial.build(domain(trial, dataset))


def _saved(folder: Path, dataset: Dataset, method: str = "vae", **settings: object) -> Method:
    made = _trial(method, **settings)
    built = _method(made, dataset)
    artifact.save(folder, made, built, dataset)
    return built


@pytest.fixture
def folder(tmp_path: Path, digits: Dataset) -> Path:
    """A saved VAE."""
    _saved(tmp_path / "method", digits)
    return tmp_path / "method"


@pytest.mark.parametrize("network", ["mlp", "gated_mlp"])
@pytest.mark.parametrize("likelihood", likelihoods.names())
def test_what_is_loaded_is_what_was_saved(network: str, likelihood: str, tmp_path: Path, digits: Dataset) -> None:
    method = _saved(tmp_path / "method", digits, network=network, likelihood=likelihood).eval()
    found = pipelines.load(tmp_path / "method").method
    assert torch.equal(encode(found, digits.data.test), encode(method, digits.data.test))
    state = method.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in found.state_dict().items())


def test_the_record_says_what_was_trained_on_what(tmp_path: Path, digits: Dataset) -> None:
    _saved(tmp_path / "method", digits, "beta_vae", beta=2, likelihood="gaussian")
    found = artifact.load(str(tmp_path / "method"))
    assert found.trial == _trial("beta_vae", beta=2, likelihood="gaussian")
    assert found.facts == {"event": [1, 8, 8], "rows": 1000, "classes": 10, "likelihood": "gaussian"}
    assert found.checksum == digits.checksum
    assert found.versions["torch"] == torch.__version__


def test_a_loaded_method_is_in_evaluation_mode(folder: Path) -> None:
    assert not any(part.training for part in artifact.load(folder).method.modules())


def test_the_folder_holds_two_files_that_need_no_pickle(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == CONTENT
    assert json.loads((folder / "trial.json").read_text())["trial"]["method"] == "vae"
    assert "encoder.1.weight" in load_file(folder / "method.safetensors")


def test_the_folder_and_its_files_can_be_read_by_others(folder: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    assert folder.stat().st_mode & 0o777 == 0o777 & ~mask
    assert all(file.stat().st_mode & 0o777 == 0o666 & ~mask for file in folder.iterdir())


def test_parent_folders_are_made(tmp_path: Path, digits: Dataset) -> None:
    _saved(tmp_path / "a" / "b" / "method", digits)
    assert artifact.load(tmp_path / "a" / "b" / "method").trial == _trial()


def test_a_later_save_replaces_an_earlier_one(folder: Path, digits: Dataset) -> None:
    method = _saved(folder, digits, "ae")
    found = artifact.load(folder)
    assert found.trial.method == "ae"
    assert torch.equal(found.method.state_dict()["encoder.1.weight"], method.state_dict()["encoder.1.weight"])


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path, digits: Dataset) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("all my work")
    _saved(tmp_path, digits)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "all my work"


def test_a_save_that_fails_leaves_what_was_there_before(folder: Path, digits: Dataset) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    made = _trial("ae")
    method = _method(made, digits)
    # The same memory under two names, which safetensors refuses to write.
    method.register_buffer("alias", method.get_parameter("encoder.1.weight").detach())
    with pytest.raises(RuntimeError):
        artifact.save(folder, made, method, digits)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_save_stopped_half_way_leaves_no_mixture_of_two_methods(
    folder: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replace(source: Path, target: Path) -> None:
        if target.name == "trial.json":
            raise KeyboardInterrupt
        source.rename(target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        _saved(folder, digits, seed=1)
    with pytest.raises(BadInput, match="no saved method"):
        artifact.load(folder)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path, digits: Dataset) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"^cannot write the trained method to .*file/method: Not a directory$"):
        _saved(tmp_path / "file" / "method", digits)


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path, digits: Dataset) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"^cannot write the trained method to .*file: File exists$"):
        _saved(tmp_path / "file", digits)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_must_not_be_written_is_one_sentence(tmp_path: Path, digits: Dataset) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(BadInput, match="Permission denied"):
        _saved(tmp_path / "method", digits)


def test_a_folder_without_a_method_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no saved method in .*: it must hold trial.json and method.safetensors"):
        artifact.load(tmp_path / "nothing")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _edit(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        record = json.loads((folder / "trial.json").read_text())
        change(record)
        (folder / "trial.json").write_text(json.dumps(record))

    return edit


def _without_a_tensor(folder: Path) -> None:
    state = load_file(folder / "method.safetensors")
    del state["encoder.1.weight"]
    save_file(state, folder / "method.safetensors")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "json cut": lambda folder: _cut(folder / "trial.json"),
    "json empty": lambda folder: (folder / "trial.json").write_text(""),
    "json of something else": lambda folder: (folder / "trial.json").write_text("[1, 2]"),
    "json nothing": lambda folder: (folder / "trial.json").write_text("null"),
    "no text": lambda folder: (folder / "trial.json").write_bytes(b"\xff\xfe\x00"),
    "tensors cut": lambda folder: _cut(folder / "method.safetensors"),
    "tensors empty": lambda folder: (folder / "method.safetensors").write_bytes(b""),
    "tensors of something else": lambda folder: (folder / "method.safetensors").write_text("hello, world"),
    "tensors missing": lambda folder: (folder / "method.safetensors").unlink(),
    "a tensor missing": _without_a_tensor,
    "no trial": _edit(lambda record: record.pop("trial")),
    "a trial that is none": _edit(lambda record: record.update(trial=3)),
    "no checksum": _edit(lambda record: record.pop("checksum")),
    "no facts": _edit(lambda record: record.pop("facts")),
    "a fact missing": _edit(lambda record: record["facts"].pop("rows")),
    "a fact too many": _edit(lambda record: record["facts"].update(colour="blue")),
    "facts of another kind": _edit(lambda record: record["facts"].update(event=3)),
    "another size": _edit(lambda record: record["trial"].update(latent=11)),
    "a method of tomorrow": _edit(lambda record: record["trial"].update(method="vae_2030")),
    "a setting of tomorrow": _edit(lambda record: record["trial"].update(warmup=3)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_method_is_one_sentence(damage: str, folder: Path) -> None:
    DAMAGES[damage](folder)
    with pytest.raises(BadInput, match=r"^the saved method in .* is (damaged or )?of another version: .") as caught:
        artifact.load(folder)
    assert "\n" not in str(caught.value)


def test_a_state_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    state: dict[str, Any] = {"epochs": 3, "weights": {"a": torch.randn(3)}, "name": "vae"}
    artifact.save_state(tmp_path / "new" / "checkpoint.pt", state)
    found = artifact.load_state(tmp_path / "new" / "checkpoint.pt")
    assert found is not None
    assert (found["epochs"], found["name"]) == (3, "vae")
    assert torch.equal(found["weights"]["a"], state["weights"]["a"])


def test_a_later_state_replaces_an_earlier_one(tmp_path: Path) -> None:
    for epochs in (1, 2):
        artifact.save_state(tmp_path / "checkpoint.pt", {"epochs": epochs})
    assert artifact.load_state(tmp_path / "checkpoint.pt") == {"epochs": 2}
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_where_no_state_is_there_is_none(tmp_path: Path) -> None:
    assert artifact.load_state(tmp_path / "checkpoint.pt") is None


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"[]", b'{"a": 1}', bytes(1000)])
def test_a_file_that_is_no_state_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(content)
    assert artifact.load_state(tmp_path / "checkpoint.pt") is None


def test_a_state_that_was_cut_anywhere_counts_as_none(tmp_path: Path) -> None:
    artifact.save_state(tmp_path / "whole.pt", {"weights": torch.randn(10)})
    whole = (tmp_path / "whole.pt").read_bytes()
    for length in range(0, len(whole) - 1, 50):
        (tmp_path / "cut.pt").write_bytes(whole[:length])
        assert artifact.load_state(tmp_path / "cut.pt") is None


class _Trap:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, ("trapped",)


def test_a_state_that_would_run_code_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"trap": _Trap()}, "checkpoint.pt")
    assert artifact.load_state(tmp_path / "checkpoint.pt") is None
    assert not Path("trapped").exists()
