"""Trained methods in a real MLflow: a database, and once a server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mlflow.tracking import MlflowClient

from methods.core.errors import BadInput
from orchestrator import services
from orchestrator.records import location, models, schema
from pipelines import artifact, datasets
from pipelines.training import domain
from pipelines.trial import trial as checked

FORMS = ["runs:/{run}", "models:/{study}/1", "models:/{study}@best", "models:/{model}", "best:{study}"]


@pytest.fixture(scope="session")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(scope="session")
def client(uri: str) -> MlflowClient:
    return location.connect(uri)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved method; its weights need no training here."""
    trial = checked({"method": "vae", "data": "digits", "network": "mlp", "latent": 2})
    dataset = datasets.load("digits")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("saved") / "method"
    artifact.save(folder, trial, trial.build(domain(trial, dataset)), dataset)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LATENT_ORCHESTRA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def study(client: MlflowClient, request: pytest.FixtureRequest) -> str:
    """A fresh experiment; its name."""
    name = re.sub(r"\W+", "-", request.node.name).strip("-")
    client.create_experiment(name, artifact_location=location.artifacts(client.tracking_uri, name))
    return name


def create_run(client: MlflowClient, study: str, **tags: str) -> str:
    experiment = client.get_experiment_by_name(study)
    tags = {schema.STUDY: study} | {getattr(schema, name): value for name, value in tags.items()}
    return client.create_run(experiment.experiment_id, tags=tags, run_name="vae search").info.run_id


def trained_run(client: MlflowClient, study: str, folder: Path) -> tuple[str, str]:
    """A trial's run with its model, as a sweep leaves it."""
    run = create_run(client, study, KIND="trial")
    model = models.log_model(client, run, folder, name="vae")
    client.set_tag(run, schema.MODEL, model)
    return run, model


def finished_study(client: MlflowClient, study: str, folder: Path) -> str:
    run, model = trained_run(client, study, folder)
    create_run(client, study, KIND="study", BEST_RUN=run, BEST_MODEL=model)
    return model


def same_files(one: Path, other: Path) -> bool:
    names = {path.name for path in one.iterdir()}
    return names == {path.name for path in other.iterdir()} and all(
        (one / name).read_bytes() == (other / name).read_bytes() for name in names
    )


def test_a_logged_model_is_an_output_of_its_run(client, study, folder):
    run, model = trained_run(client, study, folder)
    assert [output.model_id for output in client.get_run(run).outputs.model_outputs] == [model]


def test_a_logged_model_holds_the_two_files_and_no_pickle(client, study, folder):
    _, model = trained_run(client, study, folder)
    assert {file.path for file in client.list_logged_model_artifacts(model)} == {"trial.json", "method.safetensors"}


def test_logging_a_model_again_changes_nothing(client, study, folder):
    run, model = trained_run(client, study, folder)
    assert models.log_model(client, run, folder, name="vae") == model
    assert len(client.get_run(run).outputs.model_outputs) == 1


def test_a_model_has_one_version_however_often_it_is_registered(client, study, folder):
    _, model = trained_run(client, study, folder)
    assert models.register(client, model, name=study) == models.register(client, model, name=study) == 1


def test_another_model_is_the_next_version_and_takes_the_alias(client, study, folder):
    models.register(client, trained_run(client, study, folder)[1], name=study)
    _, second = trained_run(client, study, folder)
    assert models.register(client, second, name=study) == 2
    assert models.fetch(f"models:/{study}@best", tracking_uri=client.tracking_uri).model_id == second


def test_the_page_of_a_model_names_its_version(client, study, folder):
    _, model = trained_run(client, study, folder)
    models.register(client, model, name=study)
    assert client.get_logged_model(model).tags["mlflow.modelVersions"] == f'[{{"name": "{study}", "version": 1}}]'


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_reference_brings_the_same_method(form, client, study, folder):
    run, model = trained_run(client, study, folder)
    create_run(client, study, KIND="study", BEST_RUN=run, BEST_MODEL=model)
    models.register(client, model, name=study)
    source = models.fetch(form.format(run=run, study=study, model=model), tracking_uri=client.tracking_uri)
    assert (source.run_id, source.model_id) == (run, model)
    assert same_files(source.folder, folder)


def test_a_fetched_method_loads(client, study, folder):
    run, _ = trained_run(client, study, folder)
    saved = artifact.load(models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri).folder)
    expected = artifact.load(folder).method.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in saved.method.state_dict().items())


def test_a_method_is_downloaded_once(client, study, folder, cache):
    run, model = trained_run(client, study, folder)
    first = models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri).folder
    changed = (first / "trial.json").stat().st_mtime_ns
    second = models.fetch(f"models:/{model}", tracking_uri=client.tracking_uri).folder
    assert second == first == cache / "models" / model
    assert (second / "trial.json").stat().st_mtime_ns == changed


def test_a_local_folder_has_no_run(folder):
    source = models.fetch(str(folder), tracking_uri="sqlite:////nowhere/at/all.db")
    assert source == models.Source(folder, None, None, "sqlite:////nowhere/at/all.db")


def test_best_is_of_the_latest_run_of_the_study_that_finished(client, study, folder):
    finished_study(client, study, folder)
    time.sleep(0.01)  # MLflow orders runs by milliseconds
    later = finished_study(client, study, folder)
    time.sleep(0.01)
    create_run(client, study, KIND="study")
    assert models.fetch(f"best:{study}", tracking_uri=client.tracking_uri).model_id == later


def test_a_study_without_a_best_method_is_not_finished(client, study):
    create_run(client, study, KIND="study")
    with pytest.raises(BadInput, match="no best method yet: let it finish"):
        models.fetch(f"best:{study}", tracking_uri=client.tracking_uri)


def test_an_unknown_study_brings_the_nearest_one(client, study):
    with pytest.raises(BadInput, match=f"unknown study '{study}x': did you mean '{study}'"):
        models.fetch(f"best:{study}x", tracking_uri=client.tracking_uri)


def test_an_unknown_run_is_named(client):
    with pytest.raises(BadInput, match="there is no run '0123'"):
        models.fetch("runs:/0123", tracking_uri=client.tracking_uri)


def test_an_unknown_model_is_named(client):
    with pytest.raises(BadInput, match="no model 'm-0123'"):
        models.fetch("models:/m-0123", tracking_uri=client.tracking_uri)


def test_an_unknown_registered_model_brings_the_nearest_one(client, study, folder):
    models.register(client, trained_run(client, study, folder)[1], name=study)
    with pytest.raises(BadInput, match=f"did you mean '{study}'"):
        models.fetch(f"models:/{study}s@best", tracking_uri=client.tracking_uri)


@pytest.mark.parametrize("wanted", ["/7", "/seven", "@worst"])
def test_an_unknown_version_brings_the_known_ones(wanted, client, study, folder):
    models.register(client, trained_run(client, study, folder)[1], name=study)
    with pytest.raises(BadInput, match="its versions are 1"):
        models.fetch(f"models:/{study}{wanted}", tracking_uri=client.tracking_uri)


def test_a_failed_trial_has_no_method(client, study):
    run = create_run(client, study, KIND="trial", OUTCOME="failed: the term 'rate' became nan")
    with pytest.raises(BadInput, match=r"has no saved method: .*failed: the term 'rate'"):
        models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri)


def test_the_run_of_a_study_points_to_its_best_method(client, study):
    run = create_run(client, study, KIND="study")
    with pytest.raises(BadInput, match=f"best:{study}"):
        models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri)


def test_a_word_that_is_no_reference_brings_the_forms(client):
    with pytest.raises(BadInput, match="no folder, and none of runs:/ID"):
        models.fetch("vae", tracking_uri=client.tracking_uri)


def test_lost_files_of_a_model_are_one_sentence(client, study, folder):
    run, model = trained_run(client, study, folder)
    for file in Path(client.get_logged_model(model).artifact_location.removeprefix("file://")).iterdir():
        file.unlink()
    with pytest.raises(BadInput, match=f"files of model {model}"):
        models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri)


def test_a_server_that_is_down_is_given_up_within_seconds():
    address = f"http://127.0.0.1:{services.free_port()}"
    start = time.monotonic()
    with pytest.raises(BadInput, match="does not answer"):
        models.fetch("runs:/0123", tracking_uri=address)
    assert time.monotonic() - start < 15


def optimize(source: models.Source, folder: Path, *, steps: int = 2, **params: object) -> str:
    folder.mkdir()
    (folder / "summary.json").write_text("{}")
    history = [(step, {"toy/curve/encoder": 1.0 / (step + 1)}) for step in range(steps)]
    return models.log_lso(
        source, task="toy", params={"images": 50} | params, metrics={"toy/loss": 0.5}, history=history, folder=folder
    )


def test_an_lso_run_is_a_child_of_the_run_of_its_decoder(client, study, folder, tmp_path):
    run, _ = trained_run(client, study, folder)
    found = client.get_run(optimize(models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri), tmp_path / "out"))
    tags = {name: found.data.tags[name] for name in (schema.PARENT, schema.DECODER_RUN, schema.KIND, schema.STUDY)}
    assert tags == {schema.PARENT: run, schema.DECODER_RUN: run, schema.KIND: "lso", schema.STUDY: study}
    assert found.info.experiment_id == client.get_run(run).info.experiment_id


def test_an_lso_run_takes_the_model_of_its_decoder_in(client, study, folder, tmp_path):
    run, model = trained_run(client, study, folder)
    found = client.get_run(optimize(models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri), tmp_path / "out"))
    assert [entry.model_id for entry in found.inputs.model_inputs] == [model]


def test_the_run_of_a_decoder_points_to_the_optimization(client, study, folder, tmp_path):
    run, _ = trained_run(client, study, folder)
    found = optimize(models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri), tmp_path / "out")
    assert found in client.get_run(run).data.tags.values()


def test_the_note_of_an_lso_run_links_to_its_decoder(client, study, folder, tmp_path):
    run, _ = trained_run(client, study, folder)
    found = client.get_run(optimize(models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri), tmp_path / "out"))
    assert f"[vae search](#/experiments/{found.info.experiment_id}/runs/{run})" in found.data.tags[schema.NOTE]


def test_an_lso_run_holds_settings_results_curves_and_files(client, study, folder, tmp_path):
    run, _ = trained_run(client, study, folder)
    source = models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri)
    found = optimize(source, tmp_path / "out", steps=1200)
    data = client.get_run(found).data
    assert (data.params["images"], data.metrics["toy/loss"]) == ("50", 0.5)
    assert len(client.get_metric_history(found, "toy/curve/encoder")) == 1200
    assert [file.path for file in client.list_artifacts(found)] == ["summary.json"]


@pytest.mark.parametrize(("outcome", "status"), [("finished", "FINISHED"), ("interrupted", "KILLED")])
def test_an_lso_run_says_how_it_ended(outcome, status, client, study, folder, tmp_path):
    run, _ = trained_run(client, study, folder)
    source = models.fetch(f"runs:/{run}", tracking_uri=client.tracking_uri)
    found = client.get_run(optimize(source, tmp_path / "out", outcome=outcome))
    assert (found.data.tags[schema.OUTCOME], found.info.status) == (outcome, status)


def test_a_local_decoder_is_recorded_in_the_experiment_lso(client, folder, tmp_path):
    found = client.get_run(optimize(models.fetch(str(folder), tracking_uri=client.tracking_uri), tmp_path / "out"))
    assert client.get_experiment(found.info.experiment_id).name == "lso"
    assert schema.PARENT not in found.data.tags


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    database = f"sqlite:///{tmp_path}/s.db"
    with services.mlflow_server(database, tmp_path / "files", port=services.free_port()) as address:
        yield address


@pytest.mark.slow
def test_a_server_does_what_a_database_does(server, folder, tmp_path):
    client = location.connect(server)
    client.create_experiment("study")
    run, model = trained_run(client, "study", folder)
    create_run(client, "study", KIND="study", BEST_RUN=run, BEST_MODEL=model)
    assert models.register(client, model, name="study") == models.register(client, model, name="study") == 1
    for form in FORMS:
        source = models.fetch(form.format(run=run, study="study", model=model), tracking_uri=server)
        assert (source.run_id, source.model_id) == (run, model)
        assert same_files(source.folder, folder)
    found = client.get_run(optimize(source, tmp_path / "out"))
    assert [entry.model_id for entry in found.inputs.model_inputs] == [model]
    for unknown in ("runs:/0123", "models:/m-0123", "models:/study/9", "models:/study@worst", "best:studi"):
        with pytest.raises(BadInput):
            models.fetch(unknown, tracking_uri=server)
