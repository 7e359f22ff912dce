from __future__ import annotations

import json
from pathlib import Path

import pytest

from methods.core.errors import BadInput
from pipelines import artifact, figures
from pipelines.datasets.dataset import Dataset
from pipelines.figures import saved
from pipelines.figures.__main__ import main
from pipelines.training import domain
from pipelines.trial import trial

PNG = b"\x89PNG\r\n"


@pytest.fixture
def folder(digits: Dataset, tmp_path: Path) -> Path:
    """A saved method where a sweep would put it."""
    run = trial({"method": "vae", "data": "digits", "network": "mlp", "latent": 3})
    place = tmp_path / "trial" / "method"
    artifact.save(place, run, run.build(domain(run, digits)), digits)
    return place


def test_all_figures_that_apply_are_written_and_the_others_named_with_a_reason(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.figures.tsne._ROWS", 60)
    assert main([str(folder)]) == 0
    written = {path.stem for path in (folder / "figures").iterdir() if path.read_bytes().startswith(PNG)}
    assert written == set(figures.names()) - {"conditional_samples", "exemplars", "prototypes", "training_curves"}
    assert "prototypes           not drawn: the method has neither prototypes" in capsys.readouterr().out


def test_figures_asked_for_by_name_are_written_where_asked_for(folder: Path, tmp_path: Path) -> None:
    main([str(folder), "--figures", "activity", "prior_samples", "--out", str(tmp_path / "here")])
    assert {path.name for path in (tmp_path / "here").iterdir()} == {"activity.png", "prior_samples.png"}
    assert not (folder / "figures").exists()


def test_the_same_command_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for out in ("one", "two"):
        main([str(folder), "--figures", "prior_samples", "--out", str(tmp_path / out)])
    assert (tmp_path / "one/prior_samples.png").read_bytes() == (tmp_path / "two/prior_samples.png").read_bytes()


def test_samples_can_be_drawn_from_a_fitted_density(folder: Path, tmp_path: Path) -> None:
    for out, more in (("prior", []), ("density", ["--density", "ex_post_gaussian"])):
        main([str(folder), "--figures", "prior_samples", "--out", str(tmp_path / out), *more])
    pictures = [(tmp_path / out / "prior_samples.png").read_bytes() for out in ("prior", "density")]
    assert pictures[0] != pictures[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--figures", "prototypes"], "prototypes cannot be drawn: the method has neither"),
        (["--figures", "activty"], "did you mean 'activity'"),
        (["--density", "ex_post_gausian"], "did you mean 'ex_post_gaussian'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_a_sentence(folder: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        main([str(folder), *arguments])


def test_where_nothing_was_saved_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no saved method"):
        main([str(tmp_path / "nothing")])
    assert not (tmp_path / "nothing").exists()


def test_the_history_of_a_sweep_is_found_beside_the_method(folder: Path) -> None:
    history = [{"epoch": 1, "time": 0, "train/rate": 2.0}]
    (folder.parent / "record.json").write_text(json.dumps({"history": history}))
    assert saved.subject(folder).history == history
    main([str(folder), "--figures", "training_curves"])
    assert (folder / "figures/training_curves.png").exists()


def test_a_history_in_the_folder_comes_first(folder: Path) -> None:
    (folder.parent / "record.json").write_text(json.dumps({"history": []}))
    (folder / "history.json").write_text(json.dumps([{"epoch": 4}]))
    assert saved.history(folder) == [{"epoch": 4}]


def test_a_history_that_cannot_be_read_is_none(folder: Path) -> None:
    (folder / "history.json").write_text("[{")
    assert saved.history(folder) == []


def test_data_other_than_those_of_the_training_are_refused(folder: Path) -> None:
    record = json.loads((folder / "trial.json").read_text())
    (folder / "trial.json").write_text(json.dumps(record | {"checksum": "0" * 32}))
    with pytest.raises(BadInput, match="not the one that the method was trained on"):
        saved.subject(folder)


def test_a_run_is_described_in_a_line() -> None:
    run = trial({"method": "vae", "data": "mnist", "latent": 8, "epochs": 1, "seed": 4})
    assert saved.described(run) == "vae on mnist: gated_mlp, latent 8, 1 epoch, seed 4"
