"""The graph genetic algorithm on molecules, and nowhere else."""

from __future__ import annotations

import pytest
from rdkit import Chem

from lso import optimizers
from lso.record import Row
from lso.search import Search
from lso.task import Task
from lso.tasks.branin import Branin, Identity
from lso.tasks.molecule import Molecule
from methods.core.errors import BadInput


def run(task: Task, protocol: str, *, seed: int = 0) -> list[Row]:
    rows: list[Row] = []
    start = task.start(protocol, 0)
    search = Search(
        task,
        Identity(),
        start,
        optimizer="graph_ga",
        seed=seed,
        budget=20,
        batch=10,
        observe=lambda new, codes: rows.extend(new),
    )
    optimizers.run("graph_ga", search)
    return rows


def test_it_spends_its_calls_on_new_molecules_no_larger_than_the_limit():
    rows = run(Molecule(objective="qed", size=25), "random_50")
    assert rows[-1].unique_calls == len(rows) == 20
    assert max(Chem.MolFromSmiles(row.string).GetNumHeavyAtoms() for row in rows) <= 25


def test_the_seed_decides():
    task = Molecule(objective="qed")
    assert run(task, "random_50") == run(task, "random_50")
    assert run(task, "random_50") != run(task, "random_50", seed=1)


def test_strings_that_are_no_molecules_are_refused_in_one_sentence():
    with pytest.raises(
        BadInput, match="graph_ga breeds molecules, which the strings of the task branin are not: use ga"
    ):
        run(Branin(), "any")
