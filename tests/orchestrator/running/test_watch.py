"""How trials end where their own process cannot say so."""

from __future__ import annotations

import io
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from methods.core.errors import BadInput
from orchestrator.definition.study import Study
from orchestrator.records import ledger
from orchestrator.records.ledger import Ledger, Record
from orchestrator.running.progress import Board
from orchestrator.running.stop import Stop
from orchestrator.running.watch import Watch

STUDY = Study(data="digits", methods=["vae"], fixed={"network": "mlp", "epochs": 4})
TRIAL = STUDY.trial("vae", {}, seed=0)

# As Ray Tune writes them: a process that was killed, one that raised while it started, one that raised in a step.
KILLED = """Failure # 4 (occurred at 2026-01-01_00-00-00)
The actor died unexpectedly before finishing this task.
\tclass_name: StudyTrial
\tactor_id: 1234
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR
"""
REFUSED = """Failure # 4 (occurred at 2026-01-01_00-00-00)
The actor died because of an error raised in its creation task, ray::ResourceTrainable.__init__() (pid=1)
  File "/somewhere/orchestrator/running/trainable.py", line 46, in setup
    self._start(config)
ModuleNotFoundError: No module named 'orchestrator'
"""
RAISED = """Failure # 4 (occurred at 2026-01-01_00-00-00)
\x1b[36mray::ResourceTrainable.train()\x1b[39m (pid=1, ip=127.0.0.1)
  File "/somewhere/orchestrator/records/ledger.py", line 148, in _write
    draft.write_text(json.dumps(content))
OSError: [Errno 28] No space left on device
"""


@dataclass
class Trial:
    """What a callback sees of Ray Tune's trials."""

    error_file: str = ""
    num_failures: int = 0
    config: dict[str, Any] = field(
        default_factory=lambda: {
            "settings": TRIAL.settings(),
            "identity": TRIAL.identity,
            "role": "search",
            "branch": "vae",
            "gpu": 0.0,
        }
    )


class Told:
    """Notes what the mirror is told of."""

    def __init__(self) -> None:
        self.identities: list[str] = []

    def changed(self, identity: str) -> None:
        self.identities.append(identity)


class Scene:
    def __init__(self, folder: Path) -> None:
        self.records, self.mirror, self.stop, self.screen = Ledger(folder), Told(), Stop(), io.StringIO()
        board = Board("tiny", STUDY, console=Console(file=self.screen))
        self.watch = Watch(self.records, self.mirror, board, self.stop)

    def write(self, **more: Any) -> None:
        history = [{"epoch": 2, "time": 0, "valid/elbo": -1.0}]
        record = Record(TRIAL.identity, TRIAL.configuration, TRIAL.settings(), "search", 5, history=history, **more)
        self.records.write(record)

    @property
    def record(self) -> Record:
        found = self.records.read(TRIAL.identity)
        assert found is not None
        return found


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def dead(tmp_path: Path, text: str) -> Trial:
    (tmp_path / "error.txt").write_text(text)
    return Trial(str(tmp_path / "error.txt"), 4)


def test_a_trial_that_the_scheduler_ended_was_stopped_early(scene: Scene) -> None:
    scene.write()
    scene.watch.on_trial_complete(0, [], Trial())
    assert scene.record.outcome == "stopped early after epoch 2"
    assert scene.record.ended > 0


@pytest.mark.parametrize("status", [ledger.FINISHED, ledger.FAILED])
def test_a_trial_that_ended_by_itself_keeps_its_outcome(scene: Scene, status: str, tmp_path: Path) -> None:
    scene.write(status=status, ended=7)
    scene.watch.on_trial_complete(0, [], Trial())
    scene.watch.on_trial_error(0, [], dead(tmp_path, KILLED))
    assert (scene.record.status, scene.record.ended) == (status, 7)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (KILLED, "The actor died unexpectedly before finishing this task."),
        (REFUSED, "ModuleNotFoundError: No module named 'orchestrator'"),
        (RAISED + KILLED, "The actor died unexpectedly before finishing this task."),
    ],
)
@pytest.mark.parametrize("begun", [True, False])
def test_a_trial_whose_process_died_for_good_has_failed_and_says_why(
    scene: Scene, tmp_path: Path, text: str, reason: str, begun: bool
) -> None:
    if begun:
        scene.write()
    scene.watch.on_trial_error(0, [], dead(tmp_path, text))
    assert scene.record.outcome == f"failed: it broke off 4 times: {reason}"
    assert scene.record.configuration == TRIAL.configuration
    assert scene.mirror.identities == [TRIAL.identity]


def test_storage_that_fails_stops_the_sweep_and_fails_no_trial(scene: Scene, tmp_path: Path) -> None:
    scene.write()
    said = r"fails \(OSError: \[Errno 28\] No space left on device\): mend that, then the same command continues"
    with pytest.raises(BadInput, match=said):
        scene.watch.on_trial_error(0, [], dead(tmp_path, RAISED))
    assert scene.record.status == ledger.RUNNING


def test_a_process_that_is_replaced_is_told_of_in_one_sentence(scene: Scene, tmp_path: Path) -> None:
    scene.write()
    scene.watch.on_trial_recover(0, [], dead(tmp_path, KILLED))
    assert scene.screen.getvalue() == (
        f"vae {TRIAL.identity} broke off and goes on in another process: "
        "The actor died unexpectedly before finishing this task.\n"
    )
    assert scene.record.status == ledger.RUNNING


def test_every_result_reaches_the_mirror(scene: Scene) -> None:
    scene.write()
    scene.watch.on_trial_result(0, [], Trial(), {})
    assert scene.mirror.identities == [TRIAL.identity]


def test_a_sweep_stops_between_two_steps_of_ray_tune(scene: Scene) -> None:
    scene.watch.on_step_end(0, [])
    with scene.stop:
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        scene.watch.on_step_end(1, [])


def test_a_trial_that_exceeded_its_share_of_a_gpu_goes_on(scene: Scene, tmp_path: Path) -> None:
    trial = dead(tmp_path, KILLED)
    trial.config["gpu"] = 0.25
    scene.write(facts={"gpu_exceeded": "0.25"})
    scene.watch.on_trial_recover(0, [], trial)
    scene.watch.on_trial_complete(0, [], trial)
    assert scene.record.status == ledger.RUNNING
    assert "needs more memory than 0.25 of a GPU, and goes on with more" in scene.screen.getvalue()
