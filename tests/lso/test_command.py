"""A comparison of optimizers from the command line to its files: kill and resume, parallel seeds, clear refusals."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lso import command
from lso.plan import Plan
from lso.record import CSV
from lso.tasks.branin import MINIMUM, Branin
from methods.core.errors import BadInput

BRANIN = "lso.tasks.branin:Branin"


class Failing(Branin):
    """Returns NaN from the twentieth call on."""

    calls = 0

    def score(self, strings):
        self.calls += len(strings)
        return [float("nan")] * len(strings) if self.calls > 40 else super().score(strings)


class Unreadable(Branin):
    """Takes no string for valid."""

    def readable(self, string):
        return None


class Startless(Branin):
    """Misses a file."""

    def start(self, protocol, seed):
        raise FileNotFoundError("no such table")


class Stopping(Branin):
    """Presses Ctrl-C at its twentieth call."""

    calls = 0

    def score(self, strings):
        self.calls += len(strings)
        if self.calls > 40:
            signal.raise_signal(signal.SIGINT)
        return super().score(strings)


def plan(task: str = BRANIN, **settings) -> Plan:
    usual = {"optimizers": ("evolution", "prior"), "seeds": 1, "budget": 20, "batch": 5, "knowledge": "black_box"}
    return Plan(task, **(usual | settings))


def run(folder: Path, own: Plan | None = None, *, resume: bool = False) -> command.Result:
    return command.execute(own or plan(), folder, resume=resume, decoder={})


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / CSV).open() as file:
        return list(csv.DictReader(file))


def by_run(folder: Path) -> dict[tuple[str, str], list[dict[str, str]]]:
    found: dict[tuple[str, str], list[dict[str, str]]] = {}
    for line in lines(folder):
        found.setdefault((line["optimizer"], line["seed"]), []).append(line)
    return found


def test_files_hold_every_call_the_summary_and_the_picture(tmp_path):
    result = run(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {
        "plan.json",
        "evaluations.csv",
        "codes.npy",
        "summary.json",
        "best_so_far.png",
    }
    summary = json.loads((tmp_path / "summary.json").read_text())
    scores = [float(line["score"]) for line in lines(tmp_path) if line["optimizer"] == "evolution"]
    assert summary["optimizers"]["evolution"]["best"]["20"]["per_seed"] == [min(scores)]
    assert result.metrics["lso/branin/best"] == min(scores)
    assert summary["outcome"] == "finished"
    assert min(scores) > MINIMUM


def test_codes_are_those_of_the_rows(tmp_path):
    run(tmp_path)
    rows, codes = lines(tmp_path), np.load(tmp_path / "codes.npy")
    assert len(rows) == len(codes)
    written = [",".join(f"{value:.4f}" for value in code) for code in codes]
    assert sum(row["string"] == text for row, text in zip(rows, written, strict=True)) > 0.9 * len(rows)  # float32


def test_ctrl_c_keeps_what_was_evaluated_and_resume_ends_like_an_uninterrupted_run(tmp_path, monkeypatch):
    monkeypatch.setattr("lso.tasks.build", lambda name, settings: Stopping())
    assert run(tmp_path / "cut").outcome == "interrupted"
    before = len(lines(tmp_path / "cut"))
    assert 0 < before < 40
    monkeypatch.undo()
    assert run(tmp_path / "cut", resume=True).outcome == "finished"
    run(tmp_path / "whole")
    for name in ("evaluations.csv", "codes.npy"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_killed_run_resumes_to_the_same_evaluations(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from lso import command\n"
        "from lso.plan import Plan\n"
        f"own = Plan({BRANIN!r}, optimizers=('evolution', 'prior'), budget=20, batch=5, knowledge='black_box')\n"
        "from lso.tasks.branin import Branin\n"
        "score = Branin.score\n"
        "def slow(self, strings):\n"
        "    import time; time.sleep(0.3 if len(strings) < 20 else 0); return score(self, strings)\n"
        "Branin.score = slow\n"
        "command.execute(own, Path(sys.argv[1]), resume=False, decoder={})\n"
    )
    root = str(Path(command.__file__).parents[1])
    folder = tmp_path / "cut"
    process = subprocess.Popen([sys.executable, "-c", code, str(folder), root], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (folder / CSV).is_file() or (folder / CSV).read_text().count("\n") < 6:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    run(folder, resume=True)
    run(tmp_path / "whole")
    assert (folder / CSV).read_bytes() == (tmp_path / "whole" / CSV).read_bytes()


def test_a_task_that_returns_nan_ends_the_run_and_keeps_what_was_evaluated(tmp_path, monkeypatch):
    monkeypatch.setattr("lso.tasks.build", lambda name, settings: Failing())
    with pytest.raises(BadInput, match=r"returned nan .* what was evaluated is kept in .* --resume goes on"):
        run(tmp_path)
    assert len(lines(tmp_path)) == 20


def test_a_comparison_in_which_nothing_is_scored_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("lso.tasks.build", lambda name, settings: Unreadable())
    with pytest.raises(BadInput, match="nothing was scored: the decoder writes nothing that the task branin can read"):
        run(tmp_path, plan(optimizers=("evolution",)))


def test_a_task_that_cannot_show_its_start_is_named_and_stands_in_nobodys_way(tmp_path, monkeypatch):
    monkeypatch.setattr("lso.tasks.build", lambda name, settings: Startless())
    with pytest.raises(BadInput, match=r"branin cannot show the start 'tlbo' \(FileNotFoundError: no such table\)"):
        run(tmp_path)
    monkeypatch.undo()
    assert run(tmp_path).outcome == "finished"


def test_results_are_not_overwritten(tmp_path):
    run(tmp_path)
    with pytest.raises(BadInput, match="go on with --resume"):
        run(tmp_path)


def test_another_plan_does_not_resume(tmp_path):
    run(tmp_path)
    with pytest.raises(BadInput, match="budget was 20 and is 30"):
        run(tmp_path, plan(budget=30), resume=True)


def test_nothing_is_not_resumed(tmp_path):
    with pytest.raises(BadInput, match="nothing to resume"):
        run(tmp_path / "new", resume=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"budget": 3}, "less than a batch"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"optimizers": ("lokal",)}, "did you mean 'local'"),
        ({"optimizers": ("prior", "prior")}, "name each one once"),
        ({"knowledge": "blackbox"}, "did you mean 'black_box'"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_one_sentence(settings, message: str):
    with pytest.raises(BadInput, match=message):
        plan(**settings)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("expresion", "did you mean 'expression'"),
        ("no_such_module:Task", "cannot import the task"),
        ("lso.tasks.branin:Brani", "has no Brani"),
        ("lso.tasks.branin:Identity", "is no task"),
    ],
)
def test_a_task_that_is_not_there_is_refused_in_one_sentence(task: str, message: str, tmp_path):
    with pytest.raises(BadInput, match=message):
        run(tmp_path, plan(task))


def test_a_task_s_module_that_is_no_python_is_refused_in_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "halfway.py").write_text("class Mine(")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadInput, match=r"cannot import the task halfway:Mine: '\(' was never closed"):
        run(tmp_path / "out", plan("halfway:Mine"))
