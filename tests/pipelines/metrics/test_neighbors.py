from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from methods.core.errors import BadInput
from pipelines.metrics.neighbors import knn_purity


def _blobs(rows: int, latent: int = 5, classes: int = 7) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (rows,), generator=generator)
    centers = torch.randn(classes, latent, generator=generator)
    return centers[labels] + torch.randn(rows, latent, generator=generator), labels


def _by_sklearn(codes: Tensor, labels: Tensor) -> float:
    """Valid where no two codes coincide, so that the nearest is the code itself."""
    points, truth = codes.double().numpy(), labels.numpy()
    k = math.floor(math.sqrt(len(points)))
    found = NearestNeighbors(n_neighbors=k + 1, algorithm="kd_tree").fit(points).kneighbors(return_distance=False)
    return 100 * float(np.mean(truth[found[:, :k]] == truth[:, None]))


def _by_two_loops(codes: Tensor, labels: Tensor) -> float:
    shares = []
    k = int(len(codes) ** 0.5)
    for i in range(len(codes)):
        others = [j for j in range(len(codes)) if j != i]
        others.sort(key=lambda j: math.dist(codes[i].tolist(), codes[j].tolist()))
        shares.append(sum(int(labels[j] == labels[i]) for j in others[:k]) / k)
    return 100 * sum(shares) / len(shares)


@pytest.mark.parametrize("rows", [2, 3, 4, 24, 60])
def test_purity_is_what_two_plain_loops_find(rows: int) -> None:
    codes, labels = _blobs(rows)
    assert knn_purity(codes, labels) == pytest.approx(_by_two_loops(codes, labels))


def test_purity_is_what_sklearns_neighbors_give_over_several_chunks() -> None:
    codes, labels = _blobs(6000)
    assert knn_purity(codes, labels) == pytest.approx(_by_sklearn(codes, labels), abs=1e-9)


def test_a_code_is_not_its_own_neighbor_even_among_duplicates() -> None:
    # Nobody shares a label, so every neighbor that matches would be the code itself.
    assert knn_purity(torch.zeros(100, 2), torch.arange(100)) == 0


def test_duplicates_are_neighbors_of_each_other() -> None:
    # Pairs of equal codes with equal labels, far apart; k = 2, and the second neighbor has another label.
    codes = torch.tensor([0.0, 0.0, 10.0, 10.0, 30.0, 30.0]).unsqueeze(1)
    assert knn_purity(codes, torch.tensor([0, 0, 1, 1, 2, 2])) == 50


def test_separate_classes_are_pure() -> None:
    labels = torch.arange(400) % 4
    assert knn_purity(torch.eye(4)[labels] * 100 + torch.rand(400, 4), labels) == 100


def test_unrelated_labels_give_the_share_of_the_class() -> None:
    generator = torch.Generator().manual_seed(0)
    codes, labels = torch.randn(2000, 4, generator=generator), torch.arange(2000) % 5
    # A pair matches with probability 399/1999 and counts at most twice (when mutual): the standard error is at most
    # sqrt(2 * 0.16 / (2000 * 44)) = 0.19 %. Five of them: false alarm 6e-7.
    assert knn_purity(codes, labels) == pytest.approx(100 * 399 / 1999, abs=1.0)


def test_neighbors_much_closer_to_each_other_than_to_the_origin_are_told_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    fine = 0.05 * torch.randn(900, 2, generator=generator)
    codes = fine + torch.tensor([[3000.0], [-3000.0]]).repeat_interleave(450, 0)
    labels = (fine[:, 0] > 0).long()
    # Rounded to float32 some distances tie: at most one of k = 30 neighbors of a few codes.
    assert knn_purity(codes, labels) == pytest.approx(_by_sklearn(codes, labels), abs=0.1)
    assert knn_purity(codes, labels) > 80


def test_one_code_has_no_neighbors() -> None:
    with pytest.raises(BadInput, match="at least 2 codes, got 1"):
        knn_purity(torch.zeros(1, 3), torch.zeros(1, dtype=torch.long))
