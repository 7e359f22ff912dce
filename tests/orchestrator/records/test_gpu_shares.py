"""What of a GPU trials get, and what is kept of the measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.definition.study import Study
from orchestrator.records.gpu_shares import GpuShares, Need

NEED = Need("A card", memory=0.2, context=0.02, busy=0.1)


def shares(folder: Path | None = None, gpu: Any = "auto") -> GpuShares:
    return GpuShares(Study(data="digits", methods=["vae", "ae"], resources={"gpu": gpu}), folder)


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A folder in which something was measured of the VAE."""
    found = shares(tmp_path)
    found.needs("vae", "these")
    found.keep("vae", "card, 24 GB", NEED)
    return tmp_path


@pytest.mark.parametrize("gpu", [0, 0.25, 1, 2])
def test_a_number_is_the_share_of_all_branches(gpu: float) -> None:
    assert (shares(gpu=gpu)["vae"], shares(gpu=gpu).auto, shares(gpu=gpu).context) == (gpu, False, 0.0)


def test_without_an_assignment_auto_is_no_gpu() -> None:
    assert (shares()["vae"], shares().auto) == (0.0, True)


def test_a_branch_gets_what_it_is_assigned() -> None:
    found = shares()
    found.assign("vae", 0.5)
    assert (found["vae"], found["ae"]) == (0.5, 0.0)


def test_what_was_measured_is_there_at_the_next_start(measured: Path) -> None:
    assert shares(measured).needs("vae", "these") == {"card, 24 GB": NEED}
    assert shares(measured).context == NEED.context


@pytest.mark.parametrize(("branch", "trials"), [("vae", "others"), ("ae", "these")])
def test_what_was_measured_of_other_trials_does_not_count(measured: Path, branch: str, trials: str) -> None:
    assert shares(measured).needs(branch, trials) == {}


def test_a_number_does_not_go_by_what_was_measured(measured: Path) -> None:
    assert shares(measured, gpu=0.25).context == 0.0


def test_a_share_that_was_too_small_is_doubled_up_to_a_whole_gpu(measured: Path) -> None:
    found, given = shares(measured), []
    found.assign("vae", 0.25)
    for exceeded in (0.25, 0.5, 1.0):
        found.double("vae", exceeded)
        given.append(found["vae"])
    assert given == [0.5, 1.0, 1.0]


def test_trials_that_exceed_a_share_together_double_it_once(measured: Path) -> None:
    found = shares(measured)
    found.assign("vae", 0.25)
    found.double("vae", 0.25)
    found.double("vae", 0.25)
    assert found["vae"] == 0.5


def test_a_doubled_share_stays_doubled_at_the_next_start(measured: Path) -> None:
    shares(measured).double("vae", 0.25)
    second = shares(measured)
    assert second.needs("vae", "these") == {"card, 24 GB": NEED}
    second.assign("vae", 0.25)
    assert second["vae"] == 0.5


def test_other_trials_have_not_exceeded_anything(measured: Path) -> None:
    shares(measured).double("vae", 0.25)
    found = shares(measured)
    found.needs("vae", "others")
    found.assign("vae", 0.25)
    assert found["vae"] == 0.25


@pytest.mark.parametrize("text", ["{", "[]", "[1]", '{"vae": 1}', '{"vae": {"needs": {"card": {"gpu": "A"}}}}'])
def test_a_file_that_cannot_be_read_counts_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "gpu_shares.json").write_text(text)
    assert shares(tmp_path).needs("vae", "these") == {}


def test_the_file_names_branches_cards_and_parts(measured: Path) -> None:
    kept = json.loads((measured / "gpu_shares.json").read_text())
    assert kept["vae"]["needs"] == {
        "card, 24 GB": {"gpu": "A card", "memory": 0.2, "context": 0.02, "busy": 0.1},
    }


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = shares()
    found.needs("vae", "these")
    found.keep("vae", "card", NEED)
    found.double("vae", 0.25)
    assert list(tmp_path.iterdir()) == []
