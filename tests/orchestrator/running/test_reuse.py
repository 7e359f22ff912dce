"""A trial that another study has run is not run again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.schema import REPLICATE, SEARCH
from orchestrator.running import reuse

FACTS = reuse.facts("data", "code", [])


def record(**more: Any) -> Record:
    usual: dict[str, Any] = {
        "identity": "a",
        "configuration": "c",
        "settings": {"method": "vae"},
        "role": SEARCH,
        "started": 5,
        "status": ledger.FINISHED,
        "history": [{"epoch": 1, "time": 6, "valid/elbo": -1.0}],
        "test": {"elbo": -2.0},
        "ended": 7,
        "facts": FACTS | {"hostname": "there"},
    }
    return Record(**usual | more)


def wanted(**more: Any) -> Record:
    return record(**{"status": ledger.RUNNING, "history": [], "test": {}, "facts": FACTS, "started": 99} | more)


class Studies:
    """Two studies side by side; the one called `old` has run a trial."""

    def __init__(self, results: Path) -> None:
        self.old, self.new = Ledger(results / "old"), Ledger(results / "new")

    def run(self, **more: Any) -> Record:
        done = record(**more)
        folder = self.old.trial_folder("a") / "method"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trial.json").write_text("{}")
        (folder / "method.safetensors").write_bytes(b"weights")
        self.old.write(done)
        return done


@pytest.fixture
def studies(tmp_path: Path) -> Studies:
    return Studies(tmp_path)


def test_the_record_of_an_equal_trial_is_taken_over_with_its_origin(studies: Studies) -> None:
    done = studies.run()
    taken = reuse.taken_over(studies.new, wanted(role=REPLICATE))
    assert taken is not None
    assert (taken.history, taken.test, taken.started, taken.ended) == (done.history, done.test, 5, 7)
    assert (taken.role, taken.origin, taken.facts["hostname"]) == (REPLICATE, "old", "there")
    assert studies.new.read("a") == taken


def test_the_trained_method_comes_along_and_outlives_the_other_study(studies: Studies) -> None:
    studies.run()
    reuse.taken_over(studies.new, wanted())
    shutil.rmtree(studies.old.folder)
    folder = studies.new.trained("a")
    assert folder is not None
    assert sorted(path.name for path in folder.iterdir()) == ["method.safetensors", "trial.json"]
    assert (folder / "method.safetensors").read_bytes() == b"weights"


def test_taking_it_over_takes_no_room(studies: Studies) -> None:
    studies.run()
    reuse.taken_over(studies.new, wanted())
    one, other = (records.trial_folder("a") / "method" / "method.safetensors" for records in (studies.old, studies.new))
    assert one.samefile(other)


def test_where_there_are_no_links_it_is_a_copy(studies: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    studies.run()

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(reuse.os, "link", refuse)
    reuse.taken_over(studies.new, wanted())
    assert (studies.new.trial_folder("a") / "method" / "method.safetensors").read_bytes() == b"weights"


def test_what_a_crash_left_of_an_earlier_attempt_is_no_obstacle(studies: Studies) -> None:
    studies.run()
    reuse.taken_over(studies.new, wanted())
    (studies.new.trial_folder("a") / "record.json").unlink()
    assert reuse.taken_over(studies.new, wanted()) is not None
    folder = studies.new.trained("a")
    assert folder is not None
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"facts": FACTS | {"code": "other"}},
        {"facts": FACTS | {"data_checksum": "other"}},
        {"facts": {}},
        {"status": ledger.STOPPED},
        {"status": ledger.FAILED},
        {"status": ledger.RUNNING},
    ],
    ids=str,
)
def test_a_trial_that_is_not_equal_or_did_not_finish_is_not_taken(studies: Studies, change: dict[str, Any]) -> None:
    studies.run(**change)
    assert reuse.taken_over(studies.new, wanted()) is None
    assert studies.new.read("a") is None


def test_records_that_do_not_say_their_code_are_equal_to_none(studies: Studies) -> None:
    studies.run(facts={})
    assert reuse.taken_over(studies.new, wanted(facts={})) is None


def test_a_trial_without_its_trained_method_is_not_taken(studies: Studies) -> None:
    studies.run()
    shutil.rmtree(studies.old.trial_folder("a") / "method")
    assert reuse.taken_over(studies.new, wanted()) is None


def test_a_replicate_whose_further_metrics_were_not_measured_is_not_taken(studies: Studies) -> None:
    asking = wanted(role=REPLICATE, facts=reuse.facts("data", "code", ["fid"]))
    studies.run(role=REPLICATE)
    assert reuse.taken_over(studies.new, asking) is None
    studies.run(role=REPLICATE, facts=reuse.facts("data", "code", ["fid", "mig"]))
    assert reuse.taken_over(studies.new, asking) is not None


def test_the_origin_of_what_was_taken_over_twice_is_the_study_that_ran_it(studies: Studies, tmp_path: Path) -> None:
    studies.run()
    reuse.taken_over(studies.new, wanted())
    shutil.rmtree(studies.old.folder)
    third = reuse.taken_over(Ledger(tmp_path / "third"), wanted())
    assert third is not None
    assert third.origin == "old"


def test_a_trial_that_went_on_with_other_code_is_equal_to_none(studies: Studies) -> None:
    code = reuse.mixed({"code": "one"}, {"code": "code"})
    assert code == {"code": "one+code"}
    assert reuse.mixed(code, {"code": "code"}) == code
    studies.run(facts=FACTS | code)
    assert reuse.taken_over(studies.new, wanted()) is None
