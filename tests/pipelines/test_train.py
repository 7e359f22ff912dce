from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import methods
import pipelines
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines import train
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import evaluate
from pipelines.training import Training
from pipelines.trial import trial

SETTINGS = ["network=mlp", "latent=10", "epochs=2"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _train(*arguments: str, method: str = "vae", settings: list[str] = SETTINGS) -> int:
    return train.main(["--method", method, "--data", "digits", "--set", *settings, *arguments])


def _content(folder: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def _timeless(folder: str) -> dict[str, object]:
    """The content less the times that it took."""
    reports = json.loads(_content(folder)["history.json"])
    untimed = [{name: value for name, value in report.items() if name != "seconds"} for report in reports]
    return _content(folder) | {"history.json": untimed, "training.json": None}


def test_what_was_trained_comes_back(digits: Dataset) -> None:
    assert _train("--out", "trained") == 0
    saved = pipelines.load("trained")
    assert saved.trial == trial({"method": "vae", "data": "digits", "network": "mlp", "latent": 10, "epochs": 2})
    codes = encode(saved.method, digits.data.test)
    assert codes.shape == (500, 10)
    assert codes.std() > 0


def test_the_metrics_on_the_test_split_are_those_of_the_method_that_was_saved(digits: Dataset) -> None:
    _train("--out", "trained")
    metrics = json.loads(Path("trained/test.json").read_text())
    assert metrics == pytest.approx(evaluate(pipelines.load("trained").method, digits.data.test))


def test_the_folder_holds_the_method_and_its_metrics() -> None:
    _train("--out", "trained")
    assert set(_content("trained")) == {
        "trial.json",
        "method.safetensors",
        "test.json",
        "history.json",
        "training.json",
    }


def test_without_a_place_the_folder_is_named_after_the_trial() -> None:
    _train()
    identity = trial({"method": "vae", "data": "digits", "network": "mlp", "latent": 10, "epochs": 2}).identity
    assert pipelines.load(f"results/train/vae-digits-{identity}").trial.epochs == 2


def test_hyperparameters_are_set_like_settings() -> None:
    _train("--out", "trained", "--set", "beta=1e-1", method="beta_vae")
    assert pipelines.load("trained").trial.hyper == {"beta": 0.1}


@pytest.mark.parametrize("method", ["ae", "kmeans_vae", "lambda_hot_vae"])
def test_methods_with_a_start_an_end_or_labels_can_be_trained(method: str) -> None:
    assert _train("--out", "trained", method=method) == 0
    assert pipelines.load("trained").trial.method == method


def test_results_go_to_standard_output_and_progress_elsewhere(capfd: pytest.CaptureFixture[str]) -> None:
    _train("--out", "trained")
    out, err = capfd.readouterr()
    assert "test/elbo" in out
    assert "saved in trained: pipelines.load('trained') brings it back" in out
    assert "epoch   2  train/reconstruction" in err


def test_a_run_that_is_there_is_not_trained_again(capfd: pytest.CaptureFixture[str]) -> None:
    _train("--out", "trained")
    before = Path("trained/method.safetensors").stat().st_mtime_ns
    assert _train("--out", "trained") == 0
    assert Path("trained/method.safetensors").stat().st_mtime_ns == before
    assert "trained already holds this run: --fresh trains it again" in capfd.readouterr().out


def test_fresh_trains_again_and_finds_the_same() -> None:
    _train("--out", "trained")
    before = _timeless("trained")
    _train("--out", "trained", "--fresh")
    assert _timeless("trained") == before


def test_a_folder_with_another_run_is_not_taken_for_this_one() -> None:
    _train("--out", "trained")
    with pytest.raises(BadInput, match="trained holds another run: name another folder with --out, or replace it"):
        _train("--out", "trained", method="ae")
    assert _train("--out", "trained", "--fresh", method="ae") == 0
    assert pipelines.load("trained").trial.method == "ae"


def test_files_of_the_user_are_left_alone() -> None:
    Path("thesis.tex").write_text("all my work")
    _train("--out", ".")
    assert Path("thesis.tex").read_text() == "all my work"
    assert pipelines.load(".").trial.method == "vae"


def test_a_folder_that_cannot_be_written_is_refused_before_training(capfd: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    with pytest.raises(BadInput, match="cannot write into file/trained: Not a directory; name another folder"):
        _train("--out", "file/trained")
    assert "epoch" not in capfd.readouterr().err


@pytest.mark.parametrize("method", ["vae", "kmeans_vae"])
def test_a_run_that_was_interrupted_continues_and_ends_as_if_it_had_not_been(
    method: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "_CHECKPOINT_SECONDS", 0.0)
    settings = ["network=mlp", "latent=10", "epochs=4"]
    _train("--out", "whole", method=method, settings=settings)
    _interrupt_after(2, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        _train("--out", "resumed", method=method, settings=settings)
    assert set(_content("resumed")) == {"checkpoint.pt"}
    torch.rand(3)
    _train("--out", "resumed", method=method, settings=settings)
    assert "continuing after epoch 2" in capfd.readouterr().err
    assert _timeless("resumed") == _timeless("whole")


def _interrupt_after(epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C, once, right after so many epochs were written down."""
    write, written = train._checkpoint, []

    def checkpoint(path: Path, training: Training, history: list[dict[str, float]]) -> None:
        write(path, training, history)
        written.append(training.epochs_done)
        if len(written) == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(train, "_checkpoint", checkpoint)


def test_a_run_that_stops_early_says_whose_weights_it_saves(capfd: pytest.CaptureFixture[str]) -> None:
    settings = ["network=mlp", "latent=2", "epochs=40", "patience=2", "learning_rate=0.1", "schedule=plateau"]
    _train("--out", "trained", settings=settings)
    err = capfd.readouterr().err
    said = re.search(r"stopped after epoch (\d+); the weights are those of epoch (\d+), with the best", err)
    assert said
    assert int(said[1]) == int(said[2]) + 2 < 40


def test_what_is_left_of_another_run_is_not_continued(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "_CHECKPOINT_SECONDS", 0.0)
    _interrupt_after(1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        _train("--out", "trained", method="ae")
    _train("--out", "trained")
    assert "continuing" not in capfd.readouterr().err
    assert pipelines.load("trained").trial.method == "vae"


@pytest.mark.parametrize("name", methods.names())
def test_describe_says_what_a_method_is_and_how_it_is_set(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--describe", "--method", name]) == 0
    out = capfd.readouterr().out
    assert "Source:" in out
    assert "learning_rate default 0.001 searched in 0.0001 … 0.01 (log)" in " ".join(out.split())


def test_describe_needs_no_data_and_leaves_no_files(tmp_path: Path) -> None:
    train.main(["--describe", "--method", "beta_vae", "--data", "nothing"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--method", "vea"], r"unknown method 'vea': did you mean 'vae'\?"),
        (["--describe", "--method", "vea"], r"unknown method 'vea': did you mean 'vae'\?"),
        (["--data", "digit"], r"unknown data set 'digit': did you mean 'digits'\?"),
        (["--set", "epoch=3"], r"unknown setting of vae 'epoch': did you mean 'epochs'\?"),
        (["--set", "epochs=three"], "epochs must be a whole number, got 'three'"),
        (["--set", "epochs"], "--set takes key=value, got 'epochs'"),
        (["--set", "network=conv"], "network conv needs square images of 28, 32 or 64 pixels"),
        (["--method", "lambda_hot_vae", "--set", "latent=5"], r"needs latent >= the number of classes \(10\), got 5"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        train.main(arguments)


def test_an_objective_that_is_not_finite_is_said_with_its_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    # No setting of these methods makes their terms infinite on the digits, so the method is the test's.
    def loss(self: object, batch: object) -> dict[str, torch.Tensor]:
        return {"reconstruction": torch.tensor(torch.nan, requires_grad=True)}

    monkeypatch.setattr(methods.get("vae"), "loss", loss)
    with pytest.raises(BadInput, match="training failed in epoch 1: the term 'reconstruction' became nan at step 1"):
        _train("--out", "trained")


def test_on_the_command_line_a_mistake_is_one_line_and_exit_code_two() -> None:
    command = [sys.executable, "-m", "pipelines.train", "--method", "vea"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(train.__file__).parents[1], timeout=120)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: unknown method 'vea': did you mean 'vae'?")
    assert done.stderr.count("\n") == 1


def test_a_preset_is_where_settings_start_from() -> None:
    settings = ["network=mlp", "epochs=1"]
    _train("--out", "trained", "--preset", "lineage", method="lambda_hot_vae", settings=settings)
    found = pipelines.load("trained").trial
    assert (found.epochs, found.batch_size, found.pixels, found.latent) == (1, 128, "grey", 20)


def test_the_history_has_a_report_of_every_epoch() -> None:
    _train("--out", "trained")
    history = json.loads(Path("trained/history.json").read_text())
    assert [report["epoch"] for report in history] == [1, 2]
    assert {"train/reconstruction", "valid/elbo", "seconds"} <= set(history[0])
