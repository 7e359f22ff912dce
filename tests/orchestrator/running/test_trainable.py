"""A trial in its process, driven by hand as Ray Tune drives it."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.running import code_version, trainable
from orchestrator.running.trainable import StudyTrial
from pipelines import artifact
from pipelines.datasets.dataset import Dataset, to_arrays
from pipelines.metrics.evaluate import evaluate
from pipelines.trial import Trial
from pipelines.trial import trial as checked

METRIC = "valid/knn_purity"


@pytest.fixture
def study() -> Study:
    fixed = {"network": "mlp", "latent": 2, "epochs": 6, "batch_size": 500}
    return Study(data="digits", methods=["vae"], metric=METRIC, fixed=fixed, report_every=2)


@pytest.fixture
def records(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "tiny")


class Process:
    """A process that runs trials one after another."""

    def __init__(self, study: Study, records: Ledger, digits: Dataset, trial: Trial, *, fresh: bool = False) -> None:
        self.records, self.trial = records, trial
        self.tune = object.__new__(StudyTrial)  # Ray's own initialization wants a cluster
        arrays, checksums = {"digits": to_arrays(digits)}, {"digits": digits.checksum}
        folder = str(records.folder)
        self.tune.setup(
            config(trial), arrays=arrays, checksums=checksums, study=study, folder=folder, facts={}, fresh=fresh
        )

    def finish(self) -> dict[str, Any]:
        while not (result := self.tune.step())["done"]:
            continue
        return result

    @property
    def record(self) -> Record:
        found = self.records.read(self.trial.identity)
        assert found is not None
        return found


def config(trial: Trial) -> dict[str, Any]:
    return {
        "settings": trial.settings(),
        "identity": trial.identity,
        "role": "search",
        "gpu": 0.0,
        "gpu_context": 0.0,
    }


def curves(record: Record) -> list[dict[str, float]]:
    """The reports without what depends on the clock."""
    return [
        {name: value for name, value in entry.items() if name not in ("time", "seconds")} for entry in record.history
    ]


@pytest.fixture
def process(study: Study, records: Ledger, digits: Dataset) -> Process:
    return Process(study, records, digits, study.trial("vae", {}, seed=0))


def test_a_trial_reports_as_often_as_the_study_says(process: Process) -> None:
    results = [process.tune.step() for _ in range(3)]
    assert [result["epoch"] for result in results] == [2, 4, 6]
    assert [result["done"] for result in results] == [False, False, True]


def test_a_report_is_on_disk_before_ray_hears_of_it(process: Process) -> None:
    result = process.tune.step()
    assert process.record.history[-1][METRIC] == result[METRIC]
    assert process.record.status == result["status"] == ledger.RUNNING


def test_reports_hold_terms_and_validation_metrics(process: Process) -> None:
    process.tune.step()
    assert {"epoch", "time", "seconds", "train/rate", "valid/elbo", METRIC} <= process.record.history[-1].keys()


def test_reports_hold_memory_and_cpu_where_the_study_asks(study: Study, records: Ledger, digits: Dataset) -> None:
    asking = study.model_copy(update={"system_metrics": True})
    process = Process(asking, records, digits, study.trial("vae", {}, seed=0))
    process.tune.step()
    assert process.record.history[-1]["system/memory_mib"] > 10


def test_a_finished_trial_leaves_its_method_with_the_test_metrics(process: Process, digits: Dataset) -> None:
    process.finish()
    saved = artifact.load(process.records.trial_folder(process.trial.identity) / "method")
    assert process.record.status == ledger.FINISHED
    assert process.record.test == evaluate(saved.method, digits.data.test)


@pytest.mark.parametrize("checkpoints", [True, False])
@pytest.mark.parametrize("reports", [0, 1, 2])
def test_a_process_that_dies_after_any_report_changes_nothing(
    process: Process, study: Study, tmp_path: Path, digits: Dataset, reports: int, checkpoints: bool, monkeypatch
) -> None:
    process.finish()
    monkeypatch.setattr(trainable, "_CHECKPOINT_SECONDS", -1.0 if checkpoints else 1e9)
    other = Ledger(tmp_path / "elsewhere" / "tiny")
    dead = Process(study, other, digits, process.trial)
    for _ in range(reports):
        dead.tune.step()
    torch.manual_seed(7)
    second = Process(study, other, digits, process.trial)
    epochs = [second.tune.step()["epoch"] for _ in range(3 - reports)]
    assert epochs == [2, 4, 6][reports:]
    assert curves(second.record) == curves(process.record)
    assert second.record.test == process.record.test


def test_a_process_that_dies_between_a_report_and_its_checkpoint_changes_nothing(
    process: Process, study: Study, tmp_path: Path, digits: Dataset, monkeypatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    process.finish()
    monkeypatch.setattr(trainable, "_CHECKPOINT_SECONDS", -1.0)
    other = Ledger(tmp_path / "elsewhere" / "tiny")
    dead = Process(study, other, digits, process.trial)
    dead.tune.step()
    monkeypatch.setattr(artifact, "save_state", die)
    with pytest.raises(KeyboardInterrupt):
        dead.tune.step()
    monkeypatch.undo()
    second = Process(study, other, digits, process.trial)
    second.finish()
    assert curves(second.record) == curves(process.record)


def test_a_checkpoint_goes_when_the_trial_has_finished(process: Process, monkeypatch) -> None:
    monkeypatch.setattr(trainable, "_CHECKPOINT_SECONDS", -1.0)
    process.finish()
    assert not list(process.records.folder.rglob("checkpoint*"))


def test_a_trial_that_has_ended_is_not_run_again(process: Process, study: Study, digits: Dataset) -> None:
    result, before = process.finish(), process.record
    assert Process(study, process.records, digits, process.trial).tune.step() == result
    assert process.record == before


IMPATIENT = {"patience": 2, "schedule": "plateau:0.5@1", "epochs": 60, "learning_rate": 0.1}


@pytest.fixture
def impatient(study: Study) -> Study:
    return study.model_copy(update={"fixed": study.fixed | IMPATIENT})


def test_a_trial_that_stops_by_its_patience_is_finished_with_its_best_weights(
    impatient: Study, records: Ledger, digits: Dataset
) -> None:
    process = Process(impatient, records, digits, impatient.trial("vae", {}, seed=0))
    result = process.finish()
    last, saved = process.record.history[-1], artifact.load(records.trial_folder(process.trial.identity) / "method")
    assert (process.record.status, result["epoch"]) == (ledger.FINISHED, last["best_epoch"] + 2)
    assert last["epoch"] < 60
    assert last["valid/objective"] == min(entry["valid/objective"] for entry in process.record.history)
    assert last["valid/elbo"] == evaluate(saved.method, digits.data.valid)["elbo"]
    assert process.record.test == evaluate(saved.method, digits.data.test)


@pytest.mark.parametrize("checkpoints", [True, False])
def test_a_trial_with_patience_and_a_schedule_survives_its_process(
    impatient: Study, records: Ledger, tmp_path: Path, digits: Dataset, checkpoints: bool, monkeypatch
) -> None:
    trial = impatient.trial("vae", {}, seed=0)
    whole = Process(impatient, records, digits, trial)
    whole.finish()
    monkeypatch.setattr(trainable, "_CHECKPOINT_SECONDS", -1.0 if checkpoints else 1e9)
    other = Ledger(tmp_path / "elsewhere" / "tiny")
    for _ in range(2):
        Process(impatient, other, digits, trial).tune.step()
    last = Process(impatient, other, digits, trial)
    last.finish()
    assert curves(last.record) == curves(whole.record)
    assert last.record.test == whole.record.test


def blow_up(process: Process) -> None:
    """Make the weights what they are after too large a step."""
    assert process.tune._training is not None
    with torch.no_grad():
        next(process.tune._training.method.parameters()).fill_(torch.inf)


def test_a_term_that_is_not_finite_fails_the_trial_and_is_named(process: Process) -> None:
    process.tune.step()
    blow_up(process)
    assert process.finish()["status"] == ledger.FAILED
    assert process.record.message.startswith("the term 'reconstruction' became nan at step 1 of the epoch: ")
    assert process.record.ended


def test_settings_that_do_not_go_together_fail_the_trial_with_one_sentence(
    study: Study, records: Ledger, digits: Dataset
) -> None:
    process = Process(
        study, records, digits, checked({"data": "digits", "method": "lambda_hot_vae", "network": "mlp", "latent": 2})
    )
    assert process.finish() == {
        "epoch": 0,
        METRIC: pytest.approx(math.nan, nan_ok=True),
        "status": "failed",
        "done": True,
    }
    assert process.record.message == "lambda_hot_vae needs latent >= the number of classes (10), got 2"


def test_the_process_goes_on_with_the_next_trial(process: Process, study: Study) -> None:
    process.tune.step()
    blow_up(process)
    process.finish()
    assert process.tune.reset_config(config(study.trial("vae", {}, seed=1)))
    assert process.finish()["status"] == ledger.FINISHED


def test_trials_of_one_process_do_not_depend_on_their_order(
    process: Process, study: Study, tmp_path: Path, digits: Dataset
) -> None:
    process.finish()
    other = Process(study, Ledger(tmp_path / "elsewhere" / "tiny"), digits, study.trial("vae", {}, seed=1))
    other.finish()
    other.tune.reset_config(config(process.trial))
    other.trial = process.trial
    other.finish()
    assert curves(other.record) == curves(process.record)
    assert other.record.test == process.record.test


def test_any_other_error_fails_the_trial_and_ends_the_process(process: Process) -> None:
    artifact.save_state(
        process.records.trial_folder(process.trial.identity) / "checkpoint.pt", {"of": "another version"}
    )
    child = os.fork()
    if child == 0:
        process.tune.step()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert process.record.status == ledger.FAILED
    assert process.record.message == "KeyError: 'training'"
    assert "Traceback" in (process.records.trial_folder(process.trial.identity) / "traceback.txt").read_text()


@pytest.fixture
def sharing(study: Study, records: Ledger, digits: Dataset) -> Process:
    """A trial that shares a GPU by what was measured."""
    resources = study.resources.model_copy(update={"gpu": "auto"})
    return Process(study.model_copy(update={"resources": resources}), records, digits, study.trial("vae", {}, seed=0))


def exceed(process: Process, share: float) -> None:
    """The next steps of the trial, with so much of a GPU, in a process that runs out of memory and ends."""
    child = os.fork()
    if child == 0:
        process.tune.reset_config(config(process.trial) | {"gpu": share})
        process.tune._train = lambda training: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory"))
        process.tune.step()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_a_trial_that_exceeds_its_share_of_a_gpu_says_so_and_goes_on_in_a_larger_one(sharing: Process) -> None:
    sharing.tune.step()
    exceed(sharing, 0.25)
    sharing.tune.reset_config(config(sharing.trial) | {"gpu": 0.25})
    result = sharing.tune.step()
    assert (result["epoch"], result["exceeded"], result["done"], result["status"]) == (2, 0.25, True, ledger.RUNNING)
    sharing.tune.reset_config(config(sharing.trial) | {"gpu": 0.5})
    assert "exceeded" not in sharing.finish()
    assert [entry["epoch"] for entry in sharing.record.history] == [2, 4, 6]
    assert sharing.record.status == ledger.FINISHED


def test_a_trial_that_exceeds_a_whole_gpu_fails(sharing: Process) -> None:
    exceed(sharing, 1.0)
    assert sharing.record.outcome == (
        "failed: the trial needs more memory than its GPU: lower batch_size or the network"
    )


def test_a_trial_that_exceeds_the_share_that_a_study_names_fails(process: Process) -> None:
    exceed(process, 0.25)
    assert process.record.status == ledger.FAILED
    assert "needs more memory than the 0.25 of a GPU that it has: raise resources.gpu" in process.record.message


def test_an_error_of_the_storage_is_left_to_ray_and_not_the_trials_fault(
    process: Process, study: Study, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise BadInput("cannot write: No space left on device")

    with monkeypatch.context() as small:
        small.setattr(artifact, "save", full)
        with pytest.raises(BadInput, match="No space left"):
            process.finish()
    assert process.record.status == ledger.RUNNING
    again = Process(study, process.records, digits, process.trial)
    assert again.finish()["status"] == ledger.FINISHED
    assert [entry["epoch"] for entry in again.record.history] == [2, 4, 6]


@pytest.mark.parametrize("error", [OSError(28, "No space left"), RuntimeError("PytorchStreamWriter failed")], ids=str)
def test_a_checkpoint_for_which_there_is_no_room_is_left_out(
    process: Process, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def full(path: Path, state: object) -> None:
        path.with_suffix(".draft").touch()
        raise error

    monkeypatch.setattr(trainable, "_CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(artifact, "save_state", full)
    assert process.finish()["status"] == ledger.FINISHED
    left = {path.name for path in process.records.trial_folder(process.trial.identity).iterdir()}
    assert left == {"record.json", "method"}


def test_a_record_names_the_process_that_runs_the_trial_now(process: Process, study: Study, digits: Dataset) -> None:
    process.tune.step()
    moved = process.record
    moved.facts["process"] = "1"
    process.records.write(moved)
    second = Process(study, process.records, digits, process.trial)
    second.tune.step()
    assert second.record.facts["process"] == str(os.getpid())
    assert second.record.started == moved.started


def test_what_another_study_has_trained_is_not_trained_again(
    process: Process, study: Study, tmp_path: Path, digits: Dataset
) -> None:
    process.finish()
    again = Process(study, Ledger(tmp_path / "second"), digits, process.trial)
    assert again.tune.step() == {"epoch": 6, METRIC: process.record.value(METRIC), "status": "finished", "done": True}
    assert again.record.test == process.record.test
    assert (again.record.origin, process.record.origin) == ("tiny", "")


def test_a_study_may_train_afresh(process: Process, study: Study, tmp_path: Path, digits: Dataset) -> None:
    process.finish()
    again = Process(study, Ledger(tmp_path / "second"), digits, process.trial, fresh=True)
    assert again.tune.step()["done"] is False
    assert again.record.origin == ""


def test_the_record_says_which_code_ran(process: Process) -> None:
    process.tune.step()
    assert process.record.facts["code"] == code_version.version(process.trial.settings())


def test_a_trial_that_goes_on_after_its_code_has_changed_says_both(
    process: Process, study: Study, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    process.tune.step()
    before = process.record.facts["code"]
    monkeypatch.setattr(code_version, "version", lambda settings: "changed")
    Process(study, process.records, digits, process.trial).tune.step()
    assert process.record.facts["code"] == f"{before}+changed"
