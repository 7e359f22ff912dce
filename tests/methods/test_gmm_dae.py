from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import methods
from methods.core.base import Batch, Method, Split
from methods.core.errors import BadInput
from methods.core.losses import covariance_distance, ks_distance
from methods.gmm_dae import component_means, expected_cv, expected_ks, mixture_moments
from pipelines import networks
from pipelines.datasets.dataset import Dataset

ROOT2 = math.sqrt(2)
FIVE = 5  # standard errors of an average: false alarm below 1e-6


def _method(latent: int = 3, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="gaussian")
    return methods.build("gmm_dae", domain, latent, **hyper).double()


def _batch(digits: Dataset, rows: int = 50) -> Batch:
    whole = digits.data.train
    return Split(whole.x.double(), whole.x.double(), whole.y)[torch.arange(rows)]


def _drawn(means: Tensor, batches: int, rows: int) -> Tensor:
    """Batches of codes (batches, rows, latent) from the equal-weight mixture of N(mean_k, I)."""
    chosen = torch.randint(len(means), (batches, rows))
    return means.double()[chosen] + torch.randn(batches, rows, means.shape[1], dtype=torch.double)


@pytest.mark.parametrize(("components", "latent"), [(1, 1), (3, 5), (5, 5), (6, 5), (20, 3), (4, 1), (2, 1)])
@pytest.mark.parametrize("spacing", [ROOT2, 6.0])
def test_means_are_distinct_and_the_closest_two_are_the_spacing_apart(
    components: int, latent: int, spacing: float
) -> None:
    means = component_means(components, latent, spacing)
    assert means.shape == (components, latent)
    if components > 1:
        assert torch.pdist(means).min().item() == pytest.approx(spacing, rel=1e-4)


def test_means_are_unit_vectors_at_the_papers_spacing() -> None:
    torch.testing.assert_close(component_means(3, 5, ROOT2), torch.eye(3, 5))


@pytest.mark.parametrize("components", [11, 13, 20])
def test_up_to_twice_the_dimensions_means_are_no_farther_out_than_the_unit_vectors(components: int) -> None:
    torch.testing.assert_close(component_means(components, 10, ROOT2).norm(dim=1), torch.ones(components))


@pytest.mark.parametrize(
    ("components", "latent", "best"),
    # The largest smallest distances on the unit sphere: regular polygons, and Tammes' problem (Sloane's tables).
    [(12, 2, 2 * math.sin(math.pi / 12)), (8, 3, 1.2156), (12, 3, 1.0515), (24, 3, 0.7442), (50, 3, 0.5135)],
)
def test_more_means_lie_nearly_as_far_apart_as_the_sphere_allows(components: int, latent: int, best: float) -> None:
    radius = component_means(components, latent, 1.0).norm(dim=1)
    assert radius.max().item() == pytest.approx(radius.min().item())
    assert 1 / best - 1e-3 <= radius.mean().item() < 1.6 / best


def test_many_means_in_many_dimensions_stay_near_the_origin() -> None:
    means = component_means(300, 32, 1.0)
    assert means.norm(dim=1).max() < 1.2
    assert torch.pdist(means).min().item() == pytest.approx(1, rel=1e-3)


def test_means_are_the_same_in_every_run() -> None:
    first = component_means(20, 4, 2.0)
    torch.manual_seed(5)
    assert torch.equal(component_means(20, 4, 2.0), first)


@pytest.mark.parametrize(("components", "latent"), [(1, 2), (3, 2), (4, 6)])
def test_the_moments_of_the_target_are_those_of_its_draws(components: int, latent: int) -> None:
    means = component_means(components, latent, 3.0)
    covariance, cumulant = mixture_moments(means)
    centred = _drawn(means, 1, 400_000).squeeze(0) - means.double().mean(0)
    for i in range(latent):
        for j in range(latent):
            product = centred[:, i] * centred[:, j]
            assert product.mean().item() == pytest.approx(covariance[i, j].item(), abs=FIVE * _error(product))
            gaussian = covariance[i, i] * covariance[j, j] + 2 * covariance[i, j] ** 2
            excess = product.square() - gaussian.double()
            assert excess.mean().item() == pytest.approx(cumulant[i, j].item(), abs=FIVE * _error(excess))


@pytest.mark.parametrize("rows", [1, 2, 10, 100])
def test_the_expected_ks_is_the_mean_over_batches_of_the_target(rows: int) -> None:
    means = component_means(3, 2, 4.0).double()
    found = torch.stack([ks_distance(z, means, 1.0).mean() for z in _drawn(means, 3_000, rows)])
    assert found.mean().item() == pytest.approx(expected_ks(rows), abs=FIVE * _error(found))


@pytest.mark.parametrize("rows", [1, 2, 10, 100])
@pytest.mark.parametrize(("components", "latent", "spacing"), [(1, 2, 1.0), (5, 2, 2.0), (3, 4, 6.0)])
def test_the_expected_cv_is_the_mean_over_batches_of_the_target(
    rows: int, components: int, latent: int, spacing: float
) -> None:
    means = component_means(components, latent, spacing)
    covariance, cumulant = (moment.double() for moment in mixture_moments(means))
    found = torch.stack([covariance_distance(z, covariance).mean() for z in _drawn(means, 3_000, rows)])
    expected = expected_cv(rows, covariance, cumulant).item()
    assert found.mean().item() == pytest.approx(expected, abs=FIVE * _error(found), rel=1e-9)


def test_the_weight_of_ks_is_the_authors() -> None:
    # Their averages over 64 random batches of 100 are 589.6, 592.4, 593.0 and 595.0 for four different targets.
    assert 589 < 1 / expected_ks(100) < 600


@pytest.mark.parametrize(
    ("latent", "components", "spacing", "published"),
    [(10, 10, ROOT2, 77.9), (10, 10, 6.0, 14.6), (100, 10, ROOT2, 98.2), (64, 20, ROOT2, 96.8)],
)
def test_the_weight_of_cv_is_the_authors(latent: int, components: int, spacing: float, published: float) -> None:
    moments = mixture_moments(component_means(components, latent, spacing))
    assert 1 / expected_cv(100, *moments).item() == pytest.approx(published, rel=0.02)


def test_codes_from_the_target_make_ks_and_cv_worth_one_each() -> None:
    means = component_means(10, 10, ROOT2)
    moments = mixture_moments(means)
    draws = _drawn(means, 300, 100).float()
    ks = torch.stack([ks_distance(z, means, 1.0).mean() for z in draws]) / expected_ks(100)
    cv = torch.stack([covariance_distance(z, moments[0]).mean() for z in draws]) / expected_cv(100, *moments)
    assert ks.mean().item() == pytest.approx(1, abs=FIVE * _error(ks))
    assert cv.mean().item() == pytest.approx(1, abs=FIVE * _error(cv))


def test_collapsed_codes_cost_fifty_times_as_much() -> None:
    # 50.7 with the authors' code.
    means = component_means(10, 10, ROOT2)
    collapsed = means.mean(0).expand(100, 10)
    assert (ks_distance(collapsed, means, 1.0).mean() / expected_ks(100)).item() == pytest.approx(50.7, rel=0.03)


def test_the_reconstruction_is_the_weighted_mean_squared_error_and_a_constant(digits: Dataset) -> None:
    method, batch = _method(reconstruction_weight=300.0), _batch(digits)
    error = (batch.x - method.decode(method.encoder(batch.x))).square().mean()
    found = method.loss(batch)["reconstruction"]
    torch.testing.assert_close(found, 300 * (error + math.log(math.pi) / 2))


def test_one_component_at_the_origin_is_the_unimodal_objective(digits: Dataset) -> None:
    """Eqs. 3 and 4: the codes' distribution functions against Phi, their covariance against I."""
    method, batch = _method(components=1, spacing=0.0), _batch(digits)
    z = method.encoder(batch.x).detach().numpy()
    ranks = np.arange(1, 51)[:, None] / 50
    ks = np.mean((stats.norm.cdf(np.sort(z, axis=0)) - ranks) ** 2) / (51 / (6 * 50**2))
    # Of a Wishart matrix with 49 degrees of freedom, divided by 50: E[(S - I)^2], on and off the diagonal.
    diagonal, others = 2 * 49 / 50**2 + 1 / 50**2, 49 / 50**2
    expected = (3 * diagonal + 6 * others) / 9
    cv = np.mean((np.cov(z.T, bias=True) - np.eye(3)) ** 2) / expected
    terms = method.loss(batch)
    assert (terms["ks"].item(), terms["cv"].item()) == pytest.approx((ks, cv))


def test_a_single_component_at_the_origin_has_the_standard_normal_prior() -> None:
    z = torch.randn(5, 3).double()
    prior = _method(components=1, spacing=0.0).prior()
    np.testing.assert_allclose(prior.log_prob(z), stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(z))


def test_the_prior_is_the_equal_weight_mixture_of_unit_gaussians_at_the_means() -> None:
    method, z = _method(latent=2, components=5, spacing=3.0), torch.randn(7, 2).double()
    means = component_means(5, 2, 3.0).double()
    density = np.mean([stats.norm.pdf(z, mean).prod(1) for mean in means], axis=0)
    np.testing.assert_allclose(method.prior().log_prob(z), np.log(density), rtol=1e-6)


@pytest.mark.parametrize("term", ["ks", "cv"])
def test_the_weight_of_a_term_multiplies_it_alone(digits: Dataset, term: str) -> None:
    torch.manual_seed(1)
    plain = _method().loss(_batch(digits))
    torch.manual_seed(1)
    weighted = _method(**{f"{term}_weight": 3.0}).loss(_batch(digits))
    for name, value in plain.items():
        torch.testing.assert_close(weighted[name], 3 * value if name == term else value)


def test_an_ablated_term_is_zero(digits: Dataset) -> None:
    terms = _method(ks_weight=0, cv_weight=0).loss(_batch(digits))
    assert (terms["ks"].item(), terms["cv"].item()) == (0.0, 0.0)


def test_no_component_at_all_is_refused() -> None:
    with pytest.raises(BadInput, match=r"gmm_dae.components must be between 1 and 1000, got 0"):
        _method(components=0)


def _error(values: Tensor) -> float:
    """Standard error of the mean."""
    return values.std().item() / math.sqrt(len(values))
