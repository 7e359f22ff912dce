"""Records on disk: whole or not there, and for one sweep at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record

STUDY = Study(data="digits", methods=["vae"], trials=3)


def record(identity: str, started: int = 0, **more: Any) -> Record:
    return Record(identity, f"c{identity}", {"method": "vae", "seed": 0}, "search", started, **more)


@pytest.fixture
def records(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "tiny")


def test_a_record_is_read_as_it_was_written(records: Ledger) -> None:
    history = [{"epoch": 1, "time": 5, "train/rate": 0.1, "valid/elbo": float("-inf")}]
    written = record("a", status=ledger.FAILED, message="too bad", history=history, facts={"hostname": "here"})
    records.write(written)
    assert records.read("a") == written


def test_a_record_that_was_never_written_is_none(records: Ledger) -> None:
    assert records.read("a") is None
    assert list(records.records()) == []


def test_records_come_in_the_order_in_which_they_started(records: Ledger) -> None:
    for identity, started in (("a", 30), ("b", 10), ("c", 20)):
        records.write(record(identity, started))
    assert [found.identity for found in records.records()] == ["b", "c", "a"]


@pytest.mark.parametrize("text", ["", '{"identity": "b"', "[1]", '{"identity": "b", "unknown": 1}', "\xff"])
def test_a_record_that_cannot_be_read_counts_as_none(records: Ledger, text: str) -> None:
    records.write(record("a"))
    (records.trial_folder("b")).mkdir()
    (records.trial_folder("b") / "record.json").write_bytes(text.encode("latin-1"))
    assert records.read("b") is None
    assert [found.identity for found in records.records()] == ["a"]


def test_a_reader_never_sees_half_a_record(records: Ledger) -> None:
    large = [{"epoch": epoch, "time": 0, "train/rate": 0.5} for epoch in range(500)]
    records.write(record("a", history=large))
    seen: set[Any] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            found = records.read("a")
            seen.add(found and len(found.history))

    reader = threading.Thread(target=watch)
    reader.start()
    for count in range(100):
        records.write(record("a", history=large[: 500 - count]))
    done.set()
    reader.join()
    assert None not in seen


def test_what_a_killed_process_left_of_a_record_is_not_read(records: Ledger) -> None:
    records.write(record("a"))
    (records.trial_folder("a") / ".record.json.123").write_text('{"identity"')
    assert records.read("a") == record("a")
    assert len(list(records.records())) == 1


def test_a_second_process_cannot_hold_the_folder(records: Ledger) -> None:
    script = (
        "import sys; from pathlib import Path; from orchestrator.records.ledger import Ledger\n"
        "try:\n    Ledger(Path(sys.argv[1])).claim()\nexcept ValueError as error:\n    print(error)"
    )

    def other() -> str:
        command = [sys.executable, "-c", script, str(records.folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with records.claim():
        assert other() == f"another sweep is running this study in {records.folder}: wait for it or stop it\n"
    assert other() == ""


def test_a_folder_that_cannot_be_written_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match=r"cannot write to .*file/tiny: Not a directory; choose another .* --results"):
        Ledger(tmp_path / "file" / "tiny").claim()


def test_a_folder_belongs_to_one_session_at_every_start(records: Ledger) -> None:
    assert records.adopt(STUDY) == records.adopt(STUDY.model_copy(update={"description": "in other words"}))


def test_two_folders_are_two_sessions(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "a").adopt(STUDY) != Ledger(tmp_path / "b").adopt(STUDY)


def test_another_definition_is_refused_with_what_changed(records: Ledger) -> None:
    records.adopt(STUDY)
    records.write(record("a"))
    with pytest.raises(BadInput) as caught:
        records.adopt(STUDY.model_copy(update={"trials": 4, "metric": "valid/mse"}))
    assert str(caught.value) == (
        "the study 'tiny' was already run with another definition (metric: 'valid/elbo' there, 'valid/mse' "
        f"now): give this one another name with --name, or delete {records.folder} to start over"
    )


@pytest.mark.parametrize(
    "more", [{"trials": 4}, {"seeds": 5}, {"methods": ["beta_vae", "vae"]}, {"methods": "all"}], ids=str
)
def test_a_study_with_trials_may_be_extended_and_stays_the_same_session(records: Ledger, more: dict[str, Any]) -> None:
    session = records.adopt(STUDY)
    records.write(record("a"))
    extended = Study(**STUDY.model_dump() | more)
    assert records.adopt(extended) == session
    assert records.study() == extended


def test_a_population_cannot_be_given_more_members(records: Ledger) -> None:
    members = Study.model_validate({"data": "digits", "methods": ["vae"], "trials": 3, "search": "pbt"})
    records.adopt(members)
    records.write(record("a"))
    records.adopt(members.model_copy(update={"seeds": 5}))
    with pytest.raises(BadInput, match="trials: 3 there, 4 now"):
        records.adopt(members.model_copy(update={"trials": 4}))


@pytest.mark.parametrize(
    "less",
    [{"trials": 2}, {"seeds": 2}, {"methods": ["beta_vae"]}, {"data": "usps"}, {"fixed": {"latent": 3}}],
    ids=str,
)
def test_what_would_leave_trials_outside_of_the_study_is_no_extension(records: Ledger, less: dict[str, Any]) -> None:
    records.adopt(STUDY)
    records.write(record("a"))
    with pytest.raises(BadInput, match="was already run with another definition"):
        records.adopt(Study(**STUDY.model_dump() | less))
    assert records.study() == STUDY


def test_a_folder_of_a_time_when_studies_had_fewer_keys_continues(records: Ledger) -> None:
    session = records.adopt(STUDY)
    records.write(record("a"))
    path = records.folder / "study.json"
    kept = json.loads(path.read_text())
    del kept["study"]["system_metrics"], kept["study"]["seed"]
    path.write_text(json.dumps(kept | {"definition": "hashed in another way"}))
    assert records.adopt(STUDY) == session


def test_another_definition_may_take_a_folder_without_trials(records: Ledger) -> None:
    first = records.adopt(STUDY)
    other = STUDY.model_copy(update={"trials": 4})
    second = records.adopt(other)
    assert second != first
    assert records.adopt(other) == second


def test_a_damaged_definition_is_told_so(records: Ledger) -> None:
    records.adopt(STUDY)
    (records.folder / "study.json").write_text("{")
    with pytest.raises(BadInput, match=r"study\.json is damaged: delete .*tiny to start over"):
        records.adopt(STUDY)


def test_the_outcome_says_how_a_trial_ended() -> None:
    history = [{"epoch": 4, "time": 0}]
    assert record("a").outcome == ""
    assert record("a", status=ledger.FINISHED).outcome == "finished"
    assert record("a", status=ledger.FAILED, message="too bad").outcome == "failed: too bad"
    assert record("a", status=ledger.STOPPED, history=history).outcome == "stopped early after epoch 4"


def test_the_value_of_a_metric_is_that_of_the_last_report_with_it() -> None:
    history = [
        {"epoch": 1, "time": 0, "valid/mse": 2.0},
        {"epoch": 2, "time": 0, "valid/mse": 1.0},
        {"epoch": 3, "time": 0},
    ]
    assert record("a", history=history).value("valid/mse") == 1.0
    assert record("a", history=history).value("valid/elbo") is None


def test_records_are_plain_json(records: Ledger) -> None:
    records.write(record("a"))
    assert json.loads((records.trial_folder("a") / "record.json").read_text())["identity"] == "a"


def test_arms_are_kept_beside_the_record_in_the_order_in_which_they_joined(records: Ledger) -> None:
    for arm in ("plain", "twin", "plain"):
        records.join("a", arm)
    records.write(record("a"))
    found = records.read("a")
    assert found is not None
    assert found.arms == ["plain", "twin"]


def test_writing_a_record_does_not_undo_what_has_joined_since(records: Ledger) -> None:
    records.join("a", "plain")
    records.write(record("a"))
    known = records.read("a")
    assert known is not None
    records.join("a", "twin")
    records.write(known)
    assert records.read("a").arms == ["plain", "twin"]


def test_a_plain_method_is_the_arm_of_its_name(records: Ledger) -> None:
    records.write(record("a"))
    assert records.read("a").arms == ["vae"]


def test_what_does_not_decide_the_trials_is_renewed_and_keeps_the_session(records: Ledger) -> None:
    session = records.adopt(STUDY)
    assert records.adopt(STUDY.model_copy(update={"metrics": ["training"]})) == session
    assert records.study().metrics == ["training"]
