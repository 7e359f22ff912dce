from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import ks_2samp, kstwobign

import methods
from pipelines import datasets, networks
from pipelines.metrics import registry
from pipelines.metrics.prior_mismatch import ks_distances, standardized_mmd
from pipelines.metrics.subject import Subject


def test_ks_distances_are_scipys_in_every_dimension() -> None:
    a, b = torch.randn(100, 3), 1 + 2 * torch.randn(80, 3)
    expected = [ks_2samp(a[:, d].numpy(), b[:, d].numpy()).statistic for d in range(3)]
    assert ks_distances(a, b).tolist() == pytest.approx(expected)


def test_ks_distance_of_shifted_gaussians_is_the_closed_form() -> None:
    # sup |Phi(x) - Phi(x - 1)| = 2 Phi(1/2) - 1; two empirical distributions of 20,000 err by less than 0.04 but for
    # one time in a million.
    found = ks_distances(torch.randn(20_000, 1), torch.randn(20_000, 1) + 1).item()
    assert found == pytest.approx(math.erf(0.5 / math.sqrt(2)), abs=0.04)


def test_what_the_record_expects_without_mismatch_is_the_mean_of_kolmogorovs_distribution() -> None:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    found = registry.measure(
        Subject(methods.build("vae", domain, 3), datasets.load_once("digits").data), "prior_mismatch"
    )
    expected = kstwobign.mean() * math.sqrt(2 / found.record["rows"])
    assert found.record["ks_without_mismatch"] == pytest.approx(expected, rel=1e-3)
    assert len(found.record["ks_of_dimensions"]) == 3
    assert found.values["prior_ks_largest"] == found.record["ks_of_dimensions"][0]


def test_the_mmd_is_about_zero_for_codes_like_the_prior_and_not_for_others() -> None:
    draws = torch.stack([torch.tensor(standardized_mmd(torch.randn(200, 4), torch.randn(200, 4))) for _ in range(50)])
    assert draws.mean().item() == pytest.approx(0, abs=5 * draws.std().item() / 50**0.5)
    assert standardized_mmd(torch.randn(200, 4) + 1, torch.randn(200, 4)) > 20 * draws.std().item()


def test_the_mmd_does_not_depend_on_the_scale_of_codes() -> None:
    codes, draws = torch.randn(100, 4).double() + 0.5, torch.randn(100, 4).double()
    assert standardized_mmd(100 * codes, 100 * draws) == pytest.approx(standardized_mmd(codes, draws))
