"""The studies that reproduce the papers' tables: what they name exists, and every method can be built on its data."""

from __future__ import annotations

import functools

import pytest

from orchestrator.definition import study_files as studies
from orchestrator.definition.paper import slug
from orchestrator.definition.study import Study
from pipelines import datasets, papers
from pipelines.datasets.dataset import Dataset
from pipelines.training import domain

NAMES = sorted(path.stem for path in studies.PAPERS.glob("*.yaml"))
HERE = {"cifar10": "cifar10_small", "omniglot": "omniglot_official"}
"""What takes the place of data that may not be on this machine: images of the same shape and likelihood."""


@functools.cache
def read(name: str) -> Study:
    return studies.read(studies.find(name)[1])


@functools.cache
def data(name: str) -> Dataset:
    return datasets.load(HERE.get(name, name))


@pytest.mark.parametrize("name", NAMES)
def test_every_arm_can_be_built_on_its_data(name: str) -> None:
    study = read(name)
    for branch, (_, where) in study.branches.items():
        trial = study.trial(branch, {}, seed=0)
        method = trial.build(domain(trial, data(where)))
        assert method.latent == trial.latent


@pytest.mark.parametrize("name", NAMES)
def test_a_study_is_as_the_paper_ran_it(name: str) -> None:
    study = read(name)
    assert (study.trials, study.early_stopping) == (1, None)
    assert study.paper is not None
    assert study.description


@pytest.mark.parametrize("name", NAMES)
def test_what_stands_for_the_papers_rows_and_data_is_in_the_study(name: str) -> None:
    study = read(name)
    assert study.paper is not None
    assert study.paper.arms <= {arm.name for arm in study.arms}
    assert set(study.paper.data.values()) <= set(study.data_names)


@pytest.mark.parametrize("name", NAMES)
def test_the_header_states_data_epochs_seeds_and_cost(name: str) -> None:
    text = studies.find(name)[1].read_text()
    header = text[: text.index("description:")]
    for words in ("Data: ", "epochs", "seeds", "Cost, estimated", "one GPU", "on 2"):
        assert words in header.replace("\n# ", " "), words
    assert all(line.startswith("#") for line in header.splitlines())


@pytest.mark.parametrize(
    ("paper", "table"),
    [
        *(
            ("Hub-VAE", f"{title} {number}")
            for title, numbers in (("Table", "12"), ("Supp. Table", "23456"))
            for number in numbers
        ),
        ("NE-VAE", "Table 1"),
        ("NE-VAE", "Table 2"),
        ("NE-VAE", "Figure 1"),
        ("NE-VAE", "Figure 2"),
        ("GMM-DAE", "Table 1"),
        ("GMM-DAE", "Figure 4 (table)"),
        ("GMM-DAE", "Figure 5"),
        ("GMM-DAE", "text 4.4"),
        *(("Prototypical VAE", f"Figure {number}") for number in range(2, 7)),
        ("Lambda-Hot/K-Means VAE", "Table 1"),
        ("Lambda-Hot/K-Means VAE", "text 5.1"),
    ],
)
def test_every_table_and_figure_is_found_by_its_name(paper: str, table: str) -> None:
    name, path = studies.find(slug(f"{paper} {table}"))
    assert path.is_file()
    found = read(name).paper
    assert found is not None
    assert found.name == paper
    assert table in [*found.figures, *(entry.table for entry in found.tables)]


@pytest.mark.parametrize("name", NAMES)
def test_every_row_of_the_tables_has_an_arm_where_the_data_are_here(name: str) -> None:
    paper = read(name).paper
    assert paper is not None
    for entry in paper.tables:
        numbers = [number for number in papers.table(paper.name, entry.table) if number.data in paper.data]
        assert all(paper.arm(number.method, number.data) for number in numbers)
        assert {number.metric for number in numbers} == set(entry.metrics)


@pytest.mark.parametrize("name", NAMES)
def test_a_scaled_study_has_a_tenth_of_the_epochs_and_of_the_rows(name: str) -> None:
    whole = read(name)
    small = studies.read(studies.find(name)[1], {"scale": 0.1})
    for branch in whole.branches:
        full, few = whole.trial(branch, {}, seed=0), small.trial(branch, {}, seed=0)
        assert few.epochs == round(full.epochs / 10)
        assert few.data == f"{full.data}@0.1"
    assert small.replicates == max(2, round(whole.seeds / 10))
