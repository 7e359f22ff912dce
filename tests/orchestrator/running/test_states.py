"""Members of a population that go on where their parents ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.running import states
from orchestrator.running.states import States
from orchestrator.running.trainable import StudyTrial
from pipelines import artifact
from pipelines.datasets.dataset import Dataset, to_arrays
from pipelines.training import Training
from pipelines.trial import Trial


@pytest.fixture
def study() -> Study:
    fixed = {"network": "mlp", "latent": 2, "epochs": 4, "batch_size": 500}
    keys = {"search": "pbt", "generations": 2, "report_every": 3, "metric": "valid/knn_purity"}
    return Study.model_validate({"data": "digits", "methods": ["beta_vae"], "fixed": fixed} | keys)


def ran(
    folder: Path, study: Study, digits: Dataset, trial: Trial, *, parent: str = "", role: str = "search"
) -> tuple[Ledger, Record]:
    """The record of a trial that ran to its end, in a process of its own."""
    records = Ledger(folder)
    config: dict[str, Any] = {"settings": trial.settings(), "identity": trial.identity, "role": role}
    config |= {"branch": "beta_vae", "parent": parent, "gpu": 0, "gpu_context": 0.0}
    process = object.__new__(StudyTrial)  # Ray's own initialization wants a cluster
    arrays, checksums = {"digits": to_arrays(digits)}, {"digits": digits.checksum}
    process.setup(config, arrays=arrays, checksums=checksums, study=study, folder=str(folder), facts={})
    while not process.step()["done"]:
        continue
    found = records.read(trial.identity)
    assert found is not None
    return records, found


def curve(record: Record) -> list[dict[str, float]]:
    return [{key: value for key, value in entry.items() if key not in ("time", "seconds")} for entry in record.history]


def weights(records: Ledger, trial: Trial) -> dict[str, torch.Tensor]:
    folder = records.trained(trial.identity)
    assert folder is not None
    return artifact.load(folder).method.state_dict()


@pytest.fixture
def family(study: Study) -> tuple[Trial, Trial]:
    parent = study.trial("beta_vae", {"epochs": 2, "beta": 1.0}, seed=0)
    return parent, parent.continued(4, {"beta": 8.0, "learning_rate": 0.01})


def test_a_child_with_its_parents_state_is_what_it_is_when_trained_whole(
    tmp_path: Path, study: Study, digits: Dataset, family: tuple[Trial, Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, child = family
    whole, expected = ran(tmp_path / "whole" / "study", study, digits, child, parent=parent.identity)
    ran(tmp_path / "parts" / "study", study, digits, parent, role="member")
    epochs: list[int] = []
    epoch = Training.epoch
    monkeypatch.setattr(Training, "epoch", lambda self: epochs.append(1) or epoch(self))
    parts, found = ran(tmp_path / "parts" / "study", study, digits, child, parent=parent.identity)
    assert len(epochs) == 2
    assert [entry["epoch"] for entry in found.history] == [2, 3, 4]
    assert curve(found) == curve(expected)
    assert found.test == expected.test
    one, other = weights(whole, child), weights(parts, child)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("loss", ["deleted", "damaged"])
def test_without_the_parents_state_it_is_trained_from_its_beginning(
    tmp_path: Path, study: Study, digits: Dataset, family: tuple[Trial, Trial], loss: str
) -> None:
    parent, child = family
    _, expected = ran(tmp_path / "whole" / "study", study, digits, child)
    records, _ = ran(tmp_path / "parts" / "study", study, digits, parent, role="member")
    place = states.place(records, parent.identity)
    place.unlink() if loss == "deleted" else place.write_bytes(b"no state")
    _, found = ran(tmp_path / "parts" / "study", study, digits, child, parent=parent.identity)
    assert curve(found) == curve(expected)


def test_only_the_beginning_of_a_trial_is_its_parent(
    tmp_path: Path, study: Study, digits: Dataset, family: tuple[Trial, Trial]
) -> None:
    parent, child = family
    records, _ = ran(tmp_path, study, digits, parent, role="member")
    assert states.parent(records, child, parent.identity) is not None
    assert states.parent(records, child.altered({"seed": 1}), parent.identity) is None
    assert states.parent(records, child, child.identity) is None


def test_a_full_disk_costs_the_state_and_not_the_trial(
    tmp_path: Path, study: Study, digits: Dataset, family: tuple[Trial, Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, state: dict[str, Any]) -> None:
        path.with_suffix(".draft").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifact, "save_state", full)
    records, found = ran(tmp_path, study, digits, family[0], role="member")
    assert found.status == ledger.FINISHED
    assert not list(records.trial_folder(found.identity).glob("state.*"))


def test_states_that_nobody_needs_are_deleted(tmp_path: Path) -> None:
    records = Ledger(tmp_path)
    for identity in ("a", "b", "c"):
        records.trial_folder(identity).mkdir(parents=True)
        (records.trial_folder(identity) / "state.pt").touch()
        (records.trial_folder(identity) / "checkpoint.pt").touch()
    States(records).keep(frozenset({"b"}))
    assert [path.parent.name for path in tmp_path.glob("trials/*/state.pt")] == ["b"]
    assert len(list(tmp_path.glob("trials/*/checkpoint.pt"))) == 3
