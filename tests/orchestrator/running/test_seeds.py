"""Seeds of a latent-space optimization on Ray: the same record as without it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from lso import command
from lso.plan import Plan
from lso.record import CSV
from lso.task import Start
from lso.tasks.expression import Expression
from lso.worker import Finished, Message, Over
from lso.workers import Starter
from methods.core.errors import BadInput
from orchestrator.running.seeds import on_ray, read, run_task
from pipelines import artifact
from pipelines.sequences.generation import generate
from pipelines.sequences.languages import language
from pipelines.sequences.string_data import dataset
from pipelines.training import domain
from pipelines.trial import trial


def lines(folder: Path, plan: Plan, start: Starter | None) -> list[dict[str, str]]:
    assert command.execute(plan, folder, resume=False, decoder={}, start=start).outcome == "finished"
    with (folder / CSV).open() as file:
        return list(csv.DictReader(file))


def test_a_seed_whose_worker_is_killed_ends_as_it_does_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], dying_task: str
):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # for Ray's processes
    settings = {"mark": str(tmp_path / "mark")}
    plan = Plan(dying_task, settings, optimizers=("evolution", "prior"), budget=20, batch=5)
    on_cluster = lines(tmp_path / "ray", plan, on_ray("local"))
    assert "seed 0 begins again: its Ray worker died" in capfd.readouterr().err
    assert on_cluster == lines(tmp_path / "here", plan, None)


class Small(Expression):
    """Knows three expressions before."""

    def start(self, protocol: str, seed: int) -> Start:
        strings = ["x", "x + 1", "sin( x )"]
        return Start(strings, np.array(self.score(strings)))


def test_a_decoder_travels_to_where_its_folder_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "decoder"
    own = trial({"data": "expressions", "method": "vae", "network": "mlp", "latent": 4})
    data = dataset("expression_grammar", *generate(language("expression_grammar"), 50).split([40, 5, 5]))
    artifact.save(folder, own, own.build(domain(own, data)), data)
    files = read(str(folder))
    shutil.rmtree(folder)
    monkeypatch.setattr("lso.tasks.build", lambda name, settings: Small())
    plan = Plan("expression", decoder=str(folder), optimizers=("prior",), budget=4, batch=4)
    told: list[Message] = []
    run_task(plan, 0, {}, lambda seed, message: told.append(message), files)
    assert told[-1] == Over(0)
    (finished,) = [message for message in told if isinstance(message, Finished)]
    assert finished.start["decoder"] == str(folder)  # as the user named it


def test_a_folder_without_a_decoder_is_named(tmp_path: Path):
    with pytest.raises(BadInput, match="no saved method in"):
        read(str(tmp_path))


def test_an_address_without_a_cluster_is_refused_in_one_sentence(tmp_path: Path):
    plan = Plan("lso.tasks.branin:Branin", optimizers=("prior",), budget=5, batch=5)
    with pytest.raises(BadInput, match=r"no Ray cluster at '127\.0\.0\.1:9'"):
        command.execute(plan, tmp_path / "out", resume=False, decoder={}, start=on_ray("127.0.0.1:9"))
