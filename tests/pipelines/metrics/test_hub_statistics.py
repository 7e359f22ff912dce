from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import skew
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from pipelines import datasets
from pipelines.metrics.hub_statistics import hub_statistics


def _digits() -> tuple[Tensor, Tensor]:
    test = datasets.load_once("digits").data.test
    assert test.y is not None
    noise = 1e-4 * torch.randn(len(test), 64)  # no ties, which may be broken in any way
    return test.grey.flatten(1) + noise, test.y


def _brute(codes: Tensor, labels: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    """N_k and the number of reverse neighbors with another label, by counting."""
    nearest = NearestNeighbors(n_neighbors=k).fit(codes.double().numpy()).kneighbors(return_distance=False)
    counts, bad = np.zeros(len(codes)), np.zeros(len(codes))
    for row, others in enumerate(nearest):
        for other in others:
            counts[other] += 1
            bad[other] += labels[other].item() != labels[row].item()
    return counts, bad


@pytest.mark.parametrize("k", [5, 10])
def test_hub_statistics_are_those_of_counting(k: int) -> None:
    codes, labels = _digits()
    found = hub_statistics(codes, labels, k)
    counts, bad = _brute(codes, labels, k)
    hubs = counts > counts.mean() + 0.5 * counts.std()
    shares = bad[hubs] / counts[hubs]
    assert found == pytest.approx(
        (skew(counts), hubs.mean(), (counts == 0).mean(), shares.mean(), (shares > 0.5).mean()), rel=1e-6
    )


def test_hubness_grows_with_the_dimension() -> None:
    few, many = (hub_statistics(torch.randn(1000, latent), None).skew for latent in (2, 50))
    assert many > few + 1


def test_a_center_of_everything_is_a_hub_and_bad_if_it_is_of_another_class() -> None:
    ring = torch.nn.functional.normalize(torch.randn(300, 30), dim=1)
    codes = torch.cat([ring, 0.01 * torch.randn(12, 30)])
    found = hub_statistics(codes, (torch.arange(312) >= 300).long())
    assert found.bad_hub_share == 1.0
    assert found.antihub_share > 0.5


def test_without_labels_hubs_are_neither_good_nor_bad() -> None:
    found = hub_statistics(torch.randn(50, 3), None)
    assert (found.bad_hubness, found.bad_hub_share) == (None, None)
