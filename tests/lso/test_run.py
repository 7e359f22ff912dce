"""The command line, from a decoder to files and a record."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from rich.progress import Progress

from lso import run
from methods.core.errors import BadInput
from orchestrator.records import location, models, schema
from pipelines import console


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    return location.connect(f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: MlflowClient) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    return tmp_path


def toy(decoder: object, *more: str) -> int:
    return run.main(["toy", "--decoder", str(decoder), "--images", "4", "--iterations", "150", *more])


def last_run(client: MlflowClient, experiment: str):
    found = client.get_experiment_by_name(experiment)
    return client.search_runs([found.experiment_id], order_by=["attributes.start_time DESC"])[0]


def test_a_folder_of_a_method_becomes_results_and_a_record(folder, client, here):
    assert toy(folder) == 0
    (out,) = (here / "results" / "lso").iterdir()
    assert {file.name for file in out.iterdir()} == {"summary.json", "evaluations.npz", "toy.png"}
    recorded = last_run(client, "lso")
    assert recorded.data.params["images"] == "4"
    assert {file.path for file in client.list_artifacts(recorded.info.run_id)} == {file.name for file in out.iterdir()}


def test_the_decoder_of_a_run_is_optimized_beside_that_run(folder, client, here):
    experiment = client.create_experiment("study", artifact_location=location.artifacts(client.tracking_uri, "study"))
    trial = client.create_run(experiment).info.run_id
    client.set_tag(trial, schema.MODEL, models.log_model(client, trial, folder, name="vae"))
    assert toy(f"runs:/{trial}") == 0
    recorded = last_run(client, "study")
    assert recorded.data.tags[schema.PARENT] == trial
    summary = json.loads((here / "results" / "lso" / f"toy-{trial}" / "summary.json").read_text())
    assert recorded.data.metrics["toy/loss/encoder/0"] == pytest.approx(summary["ends"][5]["loss"])


def test_the_same_command_gives_the_same_numbers(folder, here):
    toy(folder, "--out", "one")
    toy(folder, "--out", "two")
    one, two = (json.loads((here / name / "summary.json").read_text()) for name in ("one", "two"))
    assert one["ends"] == two["ends"]


def test_interruption_keeps_what_was_reached(folder, client, here, monkeypatch):
    class Interrupting(Progress):
        """Presses Ctrl-C at the first sign of progress after the start."""

        def update(self, task_id, *, completed=None, **fields):
            super().update(task_id, completed=completed, **fields)
            if completed:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(console, "progress", lambda: Interrupting(console=console.ERR, disable=True))
    assert toy(folder, "--out", "out", "--iterations", "50000") == 130
    summary = json.loads((here / "out" / "summary.json").read_text())
    assert (summary["outcome"], summary["interrupted"]) == ("interrupted", True)
    assert max(end["iterations"] for end in summary["ends"]) <= 101
    assert last_run(client, "lso").data.tags[schema.OUTCOME] == "interrupted"


def test_other_data_than_the_decoder_was_trained_on_are_refused(folder, here):
    shutil.copytree(folder, here / "method")
    record = json.loads((here / "method" / "trial.json").read_text())
    (here / "method" / "trial.json").write_text(json.dumps(record | {"checksum": "0123"}))
    with pytest.raises(BadInput, match="'digits' is not the one that this decoder was trained on"):
        toy(here / "method")


def test_a_folder_with_other_files_is_not_written_to(folder, here):
    (here / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="holds other files"):
        toy(folder, "--out", str(here))


def test_results_outlive_a_tracking_server_that_is_down(folder, here):
    with pytest.raises(BadInput, match="does not answer"):
        toy(folder, "--out", "out", "--tracking-uri", "http://127.0.0.1:9")
    assert (here / "out" / "summary.json").is_file()


def test_a_decoder_that_is_not_there_is_named():
    with pytest.raises(BadInput, match="'nothing' names no trained method"):
        toy("nothing")


def test_help_names_every_form_of_decoder(capsys):
    with pytest.raises(SystemExit):
        run.main(["toy", "--help"])
    text = capsys.readouterr().out
    assert all(form in text for form in ("runs:/ID", "models:/NAME/VERSION", "best:STUDY", "PATH"))


def search(*more: str) -> int:
    return run.main(["--task", "lso.tasks.branin:Branin", "--budget", "12", "--batch", "4", *more])


def test_a_task_of_one_s_own_is_optimized_and_recorded(client, here):
    assert search("--optimizer", "evolution", "--compare", "prior", "--out", "out") == 0
    summary = json.loads((here / "out" / "summary.json").read_text())
    recorded = last_run(client, "lso")
    assert recorded.data.metrics["lso/branin/best"] == summary["optimizers"]["evolution"]["best"]["12"]["mean"]
    assert recorded.data.params["knowledge"] == "descriptor"
    files = {file.path for file in client.list_artifacts(recorded.info.run_id)}
    assert files == {"plan.json", "evaluations.csv", "codes.npy", "summary.json", "best_so_far.png"}


def test_results_go_to_a_folder_named_after_the_plan(here):
    search("--optimizer", "prior")
    (out,) = (here / "results" / "lso").iterdir()
    assert out.name.startswith("lso.tasks.branin.Branin-prior-held_out-")


def test_a_target_that_is_no_expression_is_refused_before_any_work(here):
    with pytest.raises(BadInput, match=r"the target 'x \+' is no expression"):
        run.main(["expression", "--target", "x +"])
    assert not (here / "results").exists()


def test_the_help_of_a_task_says_what_results_compare(capsys):
    with pytest.raises(SystemExit):
        run.main(["expression", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in ("local", "trust_region", "black_box", "best:STUDY", "tlbo"))
