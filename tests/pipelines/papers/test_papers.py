"""The papers' numbers."""

from __future__ import annotations

import pytest

from methods.core.errors import BadInput
from pipelines import papers

# Read off the papers' own tables.
PRINTED = [
    ("Hub-VAE", "Table 1", "USPS", "Hub-VAE", "kmeans_v_measure", 0.76, 0.01),
    ("Hub-VAE", "Table 1", "Caltech101", "ByPE-VAE", "kmeans_v_measure", 0.61, 0.001),
    ("Hub-VAE", "Supp. Table 2", "DMNIST", "VAE-Vamp", "knn_purity_pct", 86.18, 0.12),
    ("Hub-VAE", "Supp. Table 3", "CIFAR-10", "ByPE-VAE", "knn_purity_pct", 22.71, 0.16),
    ("Hub-VAE", "Supp. Table 4", "FMNIST", "Hub-VAE-NoContrastive", "kmeans_v_measure", 0.60, 0.005),
    ("Hub-VAE", "Supp. Table 5", "USPS", "Hub-VAE-NoSelection", "knn_purity_pct", 84.17, 0.46),
    ("NE-VAE", "Table 1", "Omniglot (nz=32)", "NE-VAE SE", "active_units", 26, None),
    ("NE-VAE", "Table 1", "Omniglot (nz=32)", "NE-VAE LP(C=-5.0)", "kl", 87.50, None),
    ("NE-VAE", "Table 1", "Omniglot (nz=32)", "AGGR. NO ANNEAL", "mutual_information", 2.28, None),
    ("GMM-DAE", "Table 1", "MNIST", "GMM-DAE", "fid_reconstruction", 8.99, None),
    ("GMM-DAE", "text 4.4", "MNIST", "GMM-DAE w/o CV loss", "fid_sampling", 38.45, None),
    ("Lambda-Hot/K-Means VAE", "Table 1", "FashionMNIST", "K-Means VAE", "reconstruction_bce_sum", 225.68, None),
]


@pytest.mark.parametrize(("paper", "table", "data", "method", "metric", "value", "deviation"), PRINTED)
def test_numbers_are_as_printed(paper, table, data, method, metric, value, deviation) -> None:
    places = [n for n in papers.table(paper, table) if (n.data, n.method, n.metric) == (data, method, metric)]
    assert [(n.value, n.deviation) for n in places] == [(value, deviation)]


def test_no_number_is_there_twice() -> None:
    places = [(n.paper, n.table, n.data, n.method, n.metric) for n in papers.numbers()]
    assert len(places) == len(set(places)) == 396


def test_a_metric_has_one_direction_on_the_data_of_a_table() -> None:
    directions: dict[tuple[str, ...], set[bool | None]] = {}
    for number in papers.numbers():
        place = (number.paper, number.table, number.data, number.metric)
        directions.setdefault(place, set()).add(number.higher_is_better)
    assert all(len(found) == 1 for found in directions.values())


def test_notes_concern_tables_that_exist() -> None:
    for paper in papers.names():
        for table in papers.tables(paper):
            assert len(papers.notes(paper, table)) <= len(papers.notes(paper))
    wrong = [note for note in papers._notes() if not set(note.tables) <= set(papers.tables(note.paper))]
    assert wrong == []


def test_a_note_on_one_table_is_not_given_with_another() -> None:
    assert any("ByPE-VAE has 90.09" in note for note in papers.notes("Hub-VAE", "Supp. Table 2"))
    assert not any("ByPE-VAE has 90.09" in note for note in papers.notes("Hub-VAE", "Table 1"))


def test_a_paper_of_curves_has_notes_and_no_tables() -> None:
    assert papers.tables("Prototypical VAE") == []
    assert papers.notes("Prototypical VAE")


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown paper 'Hub-VEA': did you mean 'Hub-VAE'"):
        papers.tables("Hub-VEA")
    with pytest.raises(BadInput, match="unknown table of Hub-VAE 'Table 9': did you mean"):
        papers.table("Hub-VAE", "Table 9")
