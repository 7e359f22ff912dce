from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

import methods
from methods.core.errors import BadInput
from pipelines import artifact, datasets, evaluate
from pipelines.evaluate import evaluate_saved, folder_of, main, names_of
from pipelines.metrics import registry
from pipelines.metrics.metric import METRICS
from pipelines.metrics.subject import Settings
from pipelines.training import domain
from pipelines.trial import trial as checked

FAST = Settings(samples=10, rows=50)
SOME = ["standard", "log_likelihood", "activity"]


def _save(folder: Path, seed: int = 0, method: str = "vae") -> Path:
    """A saved method; its weights need no training here."""
    trial = checked({"method": method, "data": "digits", "network": "mlp", "latent": 4})
    dataset = datasets.load_once("digits")
    torch.manual_seed(seed)
    artifact.save(folder, trial, trial.build(domain(trial, dataset)), dataset)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return _save(tmp_path / "run")


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The groups that are measured from now on."""
    measured: list[str] = []

    def measure(subject, group):
        measured.append(group)
        return registry.measure(subject, group)

    monkeypatch.setattr(evaluate, "measure", measure)
    return measured


def test_values_settings_and_records_are_kept_beside_the_method(folder: Path) -> None:
    results = evaluate_saved(folder, SOME, FAST)
    kept = json.loads((folder / "evaluate.json").read_text())
    assert kept["values"] == results.values
    assert kept["groups"]["log_likelihood"]["settings"] == {"seed": 0, "split": "test", "samples": 10, "rows": 50}
    assert kept["groups"]["log_likelihood"]["record"]["rows"] == 50
    assert all(math.isfinite(value) for value in results.values.values())


def test_what_was_measured_is_not_measured_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluate_saved(folder, SOME, FAST).values
    measured = _counted(monkeypatch)
    assert evaluate_saved(folder, [*SOME, "reencoding"], FAST).values.items() >= first.items()
    assert measured == ["reencoding"]


def test_fresh_measures_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate_saved(folder, SOME, FAST)
    measured = _counted(monkeypatch)
    evaluate_saved(folder, ["activity"], FAST, fresh=True)
    assert measured == ["activity"]


def test_other_settings_measure_again_what_depends_on_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate_saved(folder, SOME, FAST)
    measured = _counted(monkeypatch)
    evaluate_saved(folder, SOME, dataclasses.replace(FAST, samples=20))
    assert measured == ["log_likelihood"]


def test_other_weights_in_the_same_folder_are_measured_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = evaluate_saved(folder, ["activity"], FAST).values
    _save(folder, seed=1)
    assert evaluate_saved(folder, ["activity"], FAST).values != before


def test_what_was_measured_before_ctrl_c_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(subject, group):
        if group == "reencoding":
            raise KeyboardInterrupt
        return registry.measure(subject, group)

    monkeypatch.setattr(evaluate, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        evaluate_saved(folder, ["activity", "reencoding"], FAST)
    assert set(json.loads((folder / "evaluate.json").read_text())["groups"]) == {"activity"}


def test_a_damaged_file_of_results_is_measured_anew(folder: Path) -> None:
    (folder / "evaluate.json").write_text("{")
    assert evaluate_saved(folder, ["activity"], FAST).values


def test_training_facts_beside_the_method_are_found(folder: Path) -> None:
    (folder / "training.json").write_text(json.dumps({"seconds_per_epoch": 1.5, "peak_memory": 300}))
    assert evaluate_saved(folder, ["training"], FAST).values == {"seconds_per_epoch": 1.5, "peak_memory": 300}


def test_other_data_than_it_was_trained_on_are_refused(folder: Path) -> None:
    record = json.loads((folder / "trial.json").read_text())
    (folder / "trial.json").write_text(json.dumps(record | {"checksum": "0123"}))
    with pytest.raises(BadInput, match="not the one that the method was trained on"):
        evaluate_saved(folder, ["activity"], FAST)


def test_the_folder_of_a_trial_means_the_method_in_it(tmp_path: Path) -> None:
    inner = _save(tmp_path / "method")
    assert folder_of(str(tmp_path)) == folder_of(str(inner)) == inner


def test_the_command_prints_numbers_units_and_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _save(tmp_path / "ae", method="ae")
    assert main([str(folder), "--metrics", "activity,standard"]) == 0
    out = capsys.readouterr().out
    assert "not measured: rate, elbo: the posterior or the prior has no density" in out
    assert any(line.split()[0] == "bce" and line.endswith("nats") for line in out.splitlines() if line.strip())
    assert "evaluate.json" in out.replace("\n", "")


def test_a_metric_that_was_named_and_cannot_be_measured_is_an_error(tmp_path: Path) -> None:
    folder = _save(tmp_path / "ae", method="ae")
    assert main([str(folder), "--metrics", "activity,log_likelihood"]) == 2
    assert main([str(folder), "--metrics", "elbo"]) == 2
    assert main([str(folder), "--metrics", "bce"]) == 0


def test_the_list_has_every_metric(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out and metric.description in out for name, metric in METRICS.items())


@pytest.mark.parametrize("run", ["runs:/abc", "best:study", "models:/name@best"])
def test_runs_in_mlflow_are_sent_to_the_other_command(run: str) -> None:
    with pytest.raises(BadInput, match=f"python -m orchestrator.evaluate {run}"):
        main([run])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name the folder"),
        (["nowhere"], "no saved method in nowhere"),
        (["nowhere", "--metrics", "elbow"], "did you mean 'elbo'"),
        (["nowhere", "--metrics", ","], "names nothing"),
        (["nowhere", "--samples", "0"], "samples must be at least 1"),
    ],
)
def test_mistakes_are_answered_in_a_sentence(arguments: list[str], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        main(arguments)


def test_names_are_separated_by_commas() -> None:
    assert names_of(" elbo, hubs ,") == ["elbo", "hubs"]


def test_methods_are_measured_whatever_they_are(tmp_path: Path) -> None:
    assert {"vae", "ae", "gmvae"} <= set(methods.names())
    for method in ("gmvae", "free_bits"):
        found = evaluate_saved(_save(tmp_path / method, method=method), ["prior_mismatch", "mutual_information"], FAST)
        assert {"prior_mmd", "mutual_information_batch"} <= set(found.values)
