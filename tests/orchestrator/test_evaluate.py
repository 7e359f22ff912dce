from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput
from orchestrator.evaluate import main, training_facts
from orchestrator.records import location, models, schema
from pipelines import artifact, datasets
from pipelines.training import domain
from pipelines.trial import trial as checked


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="module")
def client(uri: str) -> MlflowClient:
    return location.connect(uri)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved method; its weights need no training here."""
    trial = checked({"method": "vae", "data": "digits", "network": "mlp", "latent": 4, "epochs": 7})
    dataset = datasets.load_once("digits")
    folder = tmp_path_factory.mktemp("saved") / "method"
    artifact.save(folder, trial, trial.build(domain(trial, dataset)), dataset)
    return folder


@pytest.fixture
def run(client: MlflowClient, uri: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """A finished trial's run with its model, as a sweep leaves it; its id."""
    experiment = client.create_experiment(request.node.name, location.artifacts(uri, request.node.name))
    found = client.create_run(experiment, tags={schema.KIND: "trial"}).info.run_id
    client.log_param(found, "epochs", 7)
    points = [
        ("seconds", 2.0, 1),
        ("seconds", 4.0, 2),
        ("system/memory_mib", 500.0, 1),
        ("system/memory_mib", 400.0, 2),
    ]
    client.log_batch(found, metrics=[Metric(name, value, step, step) for name, value, step in points])
    client.set_tag(found, schema.MODEL, models.log_model(client, found, folder, name="vae"))
    client.set_terminated(found)
    return found


def _main(uri: str, run: str, metrics: str) -> int:
    return main([run, "--metrics", metrics, "--samples", "5", "--rows", "20", "--tracking-uri", uri])


def test_numbers_are_added_to_the_run_with_the_file_that_explains_them(
    uri: str, client: MlflowClient, run: str
) -> None:
    assert _main(uri, f"runs:/{run}", "log_likelihood,activity,training") == 0
    metrics = client.get_run(run).data.metrics
    assert {"test/log_likelihood", "test/log_likelihood_error", "test/activity"} < set(metrics)
    assert (metrics["test/seconds_per_epoch"], metrics["test/peak_memory"]) == (3.0, 500.0)
    assert client.get_metric_history(run, "test/activity")[0].step == 7
    assert [file.path for file in client.list_artifacts(run, "evaluation")] == ["evaluation/evaluate.json"]
    assert client.get_run(run).info.status == "FINISHED"


def test_a_second_time_adds_nothing_twice(uri: str, client: MlflowClient, run: str) -> None:
    for _ in range(2):
        assert _main(uri, f"runs:/{run}", "activity") == 0
    assert len(client.get_metric_history(run, "test/activity")) == 1


def test_a_local_folder_needs_no_mlflow(folder: Path) -> None:
    assert _main("sqlite:////nowhere/mlflow.db", str(folder), "activity") == 0


def test_a_run_without_records_of_training_has_no_facts(client: MlflowClient) -> None:
    assert training_facts(client, client.create_run("0").info.run_id) == {}


def test_a_run_must_be_named() -> None:
    with pytest.raises(BadInput, match="name a run with runs:/ID"):
        main([])


def test_an_unknown_run_is_answered_in_a_sentence(uri: str, client: MlflowClient) -> None:
    with pytest.raises(BadInput, match="there is no run"):
        _main(uri, f"runs:/{'0' * 32}", "activity")


def test_every_number_is_of_the_same_weights(uri: str, folder: Path, client: MlflowClient, run: str) -> None:
    _main(uri, f"runs:/{run}", "standard")
    saved = artifact.load(folder)
    with torch.no_grad():
        codes = saved.method.posterior(datasets.load_once("digits").data.test.grey).mean
    expected = (codes.var(0) > 0.01).sum().item()
    assert client.get_run(run).data.metrics["test/active_units"] == expected
