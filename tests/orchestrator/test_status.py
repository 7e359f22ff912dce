"""How far a study is, from its records and from MLflow alone."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.console import Console

from methods.core.errors import BadInput
from orchestrator import status
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.records.location import connect
from orchestrator.records.schema import REPLICATE, SEARCH
from orchestrator.records.tracking import StudyTracking
from pipelines import console

STUDY = Study(
    data="digits", methods=["vae", "ae"], trials=3, seeds=1, fixed={"network": "mlp"}, space={"latent": [2, 3, 4]}
)
NOW = 1_700_000_000_000


class Scene:
    """A study whose vae is searched, all but one trial."""

    def __init__(self, folder: Path, uri: str) -> None:
        self.uri, self.records = uri, Ledger(folder / "results" / "tiny")
        session = self.records.adopt(STUDY)
        self.tracking = StudyTracking(connect(uri), "tiny", STUDY, session, self.records)
        self.write(2, ledger.FAILED, message="too bad")
        self.write(3, ledger.STOPPED)
        self.write(4, ledger.RUNNING)

    def write(self, latent: int, state: str, seed: int = 0, **more: str) -> None:
        trial = STUDY.trial("vae", {"latent": latent}, seed=seed)
        history = [{"epoch": 1, "time": NOW + 1000 * latent, "valid/elbo": -float(latent)}]
        role = REPLICATE if seed else SEARCH
        record = Record(
            trial.identity, trial.configuration, trial.settings(), role, NOW, state, history=history, **more
        )
        record.ended = 0 if state == ledger.RUNNING else NOW + 60_000 * latent
        self.records.write(record)
        self.tracking.sync(record.identity)

    def shown(self, capsys: pytest.CaptureFixture[str], *, results: str) -> tuple[int, list[str]]:
        code = status.main(["tiny", "--results", results, "--tracking-uri", self.uri])
        return code, capsys.readouterr().out.splitlines()


@pytest.fixture
def scene(tmp_path: Path, uri: str) -> Scene:
    return Scene(tmp_path, uri)


def test_the_records_say_how_far_a_study_is(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = scene.shown(capsys, results=str(scene.records.folder.parent))
    assert code == 3
    assert lines[0].startswith(
        "study tiny: 2 of 8 trials, 5:04 of trial time, 1 running, 1 trials a minute, about 6:00"
    )
    assert lines[1] == "vae: searched 2/3, replicated 0/1, 1 running, 1 stopped early, 1 failed"
    assert lines[2] == "ae: searched 0/3, replicated 0/1"
    assert lines[3] == f"records in {scene.records.folder}"


def test_mlflow_alone_says_the_same(scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, there = scene.shown(capsys, results=str(scene.records.folder.parent))
    code, lines = scene.shown(capsys, results=str(tmp_path / "elsewhere"))
    assert code == 3
    assert lines[1:3] == there[1:3]
    assert lines[0].startswith("study tiny: 2 of 8 trials, 5:00 of trial time, 1 running, 1 trials a minute")
    assert lines[3] == f"MLflow at {scene.uri}"


def test_an_extended_study_counts_by_what_it_is_now(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    more = STUDY.model_copy(update={"seeds": 4})
    session = scene.records.adopt(more)
    StudyTracking(connect(scene.uri), "tiny", more, session, scene.records)
    _, lines = scene.shown(capsys, results="nowhere")
    assert lines[2] == "ae: searched 0/3, replicated 0/4"
    assert status.runs.read("tiny", scene.uri).planned == 4


def test_a_terminal_gets_a_table(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(console, "OUT", Console(file=screen, force_terminal=True, width=120, color_system=None))
    status.main(["tiny.yaml", "--results", str(scene.records.folder.parent)])
    assert "best valid/elbo" in screen.getvalue()
    assert "│ vae    │      2/3 │" in screen.getvalue()


def test_follow_goes_on_until_the_study_is_complete(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only = STUDY.model_copy(update={"methods": ["vae"]})
    views = [[], list(scene.records.records())]
    finished = next(record for record in views[1] if record.status == ledger.RUNNING)
    finished.status = ledger.FINISHED
    views.append([*views[1], Record("r", finished.configuration, finished.settings, REPLICATE, 0, ledger.FINISHED)])
    looks = iter(status.View("tiny", only, records, "here") for records in views)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert status.show(lambda: next(looks), follow=True) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.partition(" of ")[0] for line in printed if line.startswith("study")] == [
        "study tiny: 0",
        "study tiny: 3",
        "study tiny: 4",
    ]
    assert printed[-3].endswith("complete")


def test_a_study_that_is_nowhere_is_told_with_those_that_are(scene: Scene) -> None:
    with pytest.raises(BadInput, match=r"tinny.*tiny"):
        status.main(["tinny", "--results", "nowhere", "--tracking-uri", scene.uri])
