from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch
from scipy.stats import entropy
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.metrics.clustering import hungarian_accuracy, kmeans_clusters, majority_accuracy, v_measure


def _draws(clusters: int, classes: int, rows: int = 200) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(clusters + 10 * classes)
    found = torch.randint(clusters, (rows,), generator=generator)
    noise = torch.randint(classes, (rows,), generator=generator)
    return found, torch.where(torch.rand(rows, generator=generator) < 0.6, (found * 3 + 1) % classes, noise)


def _blobs(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(50 * classes) % classes
    return 10 * torch.eye(classes)[labels] + torch.randn(50 * classes, classes, generator=generator), labels


def test_kmeans_finds_classes_that_lie_apart() -> None:
    codes, labels = _blobs(6)
    assert hungarian_accuracy(kmeans_clusters(codes, 6), labels) == 1


def test_kmeans_with_one_seed_finds_the_same_clusters_twice() -> None:
    codes = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(kmeans_clusters(codes, 5, seed=3), kmeans_clusters(codes, 5, seed=3))


def test_kmeans_of_collapsed_codes_says_nothing_and_agrees_with_no_labels() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clusters = kmeans_clusters(torch.ones(40, 3), 4)
    assert v_measure(clusters, torch.arange(40) % 4) == 0


def test_kmeans_of_fewer_codes_than_clusters_is_refused() -> None:
    with pytest.raises(BadInput, match="at least 5 codes, one a class, got 3"):
        kmeans_clusters(torch.zeros(3, 2), 5)


def test_v_measure_of_renamed_labels_is_one() -> None:
    labels = torch.arange(60) % 6
    assert v_measure((labels * 5 + 2) % 6 + 7, labels) == pytest.approx(1)


def test_v_measure_of_independent_labels_is_zero() -> None:
    clusters, labels = torch.cartesian_prod(torch.arange(4), torch.arange(5)).repeat(3, 1).unbind(1)
    assert v_measure(clusters, labels) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("clusters", "classes"), [(4, 4), (7, 3), (3, 7)])
def test_v_measure_is_twice_the_information_over_the_sum_of_entropies(clusters: int, classes: int) -> None:
    found, labels = _draws(clusters, classes)
    joint = np.histogram2d(found.numpy(), labels.numpy(), bins=(range(clusters + 1), range(classes + 1)))[0]
    apart = entropy(joint.sum(1)) + entropy(joint.sum(0))
    assert v_measure(found, labels) == pytest.approx(2 * (apart - entropy(joint.ravel())) / apart)


@pytest.mark.parametrize(("clusters", "classes"), [(4, 4), (6, 3), (3, 6), (1, 4), (4, 1)])
def test_hungarian_accuracy_is_the_best_of_all_one_to_one_maps(clusters: int, classes: int) -> None:
    found, labels = _draws(clusters, classes)
    maps = itertools.permutations(range(max(clusters, classes)), clusters)
    best = max((torch.tensor(one)[found] == labels).double().mean().item() for one in maps)
    assert hungarian_accuracy(found, labels) == pytest.approx(best)


@pytest.mark.parametrize(("clusters", "classes"), [(4, 4), (4, 2), (2, 4)])
def test_majority_accuracy_is_the_best_of_all_maps(clusters: int, classes: int) -> None:
    found, labels = _draws(clusters, classes)
    maps = itertools.product(range(classes), repeat=clusters)
    best = max((torch.tensor(one)[found] == labels).double().mean().item() for one in maps)
    assert majority_accuracy(found, labels) == pytest.approx(best)


def test_a_class_split_over_two_clusters_counts_whole_for_the_majority_and_half_for_the_one_to_one_map() -> None:
    clusters, labels = torch.tensor([0, 0, 1, 1, 2, 2, 2, 2]), torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    assert majority_accuracy(clusters, labels) == 1
    assert hungarian_accuracy(clusters, labels) == 0.75


def test_names_of_clusters_and_classes_need_not_count_from_zero() -> None:
    found, labels = _draws(4, 4)
    for accuracy in (hungarian_accuracy, majority_accuracy):
        assert accuracy(found * 100 - 7, labels + 50) == accuracy(found, labels)
