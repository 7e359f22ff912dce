from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats

import methods
from methods.core.base import Data, Method
from methods.core.errors import BadInput
from methods.core.losses import has_rate
from pipelines import densities, networks
from pipelines.datasets.dataset import Dataset
from pipelines.densities import second_stage
from pipelines.densities.codes import sampled_codes

EVERY = ["ex_post_gaussian", "ex_post_gmm", "prior", "second_stage"]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_stage, "_STEPS", 20)


def _method(name: str = "vae", latent: int = 4, rows: int = 1000, **hyper: object) -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=rows, classes=10, likelihood="bernoulli")
    return methods.build(name, domain, latent, **hyper)


def _few(digits: Dataset, rows: int) -> Data:
    return dataclasses.replace(digits.data, train=digits.data.train.head(rows))


def test_they_are_the_files_of_the_directory() -> None:
    assert densities.names() == EVERY
    assert all(densities.describe(name).endswith(".") for name in EVERY)


def test_a_misspelled_density_is_answered_with_the_nearest(digits: Dataset) -> None:
    with pytest.raises(BadInput, match="unknown density 'ex_post_gm': did you mean 'ex_post_gmm'"):
        densities.fit("ex_post_gm", _method(), digits.data, seed=0)
    with pytest.raises(BadInput, match="unknown density 'codes'"):
        densities.fit("codes", _method(), digits.data, seed=0)


@pytest.mark.parametrize("density", EVERY)
@pytest.mark.parametrize("name", methods.names())
def test_every_method_is_sampled_through_every_density(name: str, density: str, digits: Dataset) -> None:
    method, data = _method(name, latent=12, rows=60), _few(digits, 60)
    with torch.no_grad():
        method.eval().start_epoch(0, data)
        method.finish(data)
    fitted = densities.fit(density, method, data, seed=0)
    draws = fitted.sample(torch.Size([30]))
    assert draws.shape == (30, 12)
    images = method.decode(draws, torch.arange(30) % 10)
    assert images.shape == (30, 1, 8, 8)
    assert images.isfinite().all()
    if has_rate(fitted):
        assert fitted.log_prob(draws).shape == (30,)


@pytest.mark.parametrize("density", EVERY)
def test_equal_seeds_give_equal_densities_and_leave_no_trace(density: str, digits: Dataset) -> None:
    method, state = _method().train(), torch.get_rng_state()
    fitted = [densities.fit(density, method, _few(digits, 100), seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(part.training for part in method.modules())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in method.parameters())
    draws = []
    for one in fitted:
        torch.manual_seed(5)
        draws.append(one.sample(torch.Size([10])))
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(draws[0], draws[2]) is (density == "prior")


def test_the_prior_is_the_methods_own(digits: Dataset) -> None:
    draws = densities.fit("prior", _method(), digits.data, seed=0).sample(torch.Size([5000]))
    # A Kolmogorov-Smirnov test at 1e-6.
    assert stats.kstest(draws.flatten(), "norm").pvalue > 1e-6


def test_the_gaussian_has_the_moments_of_sampled_codes(digits: Dataset) -> None:
    method = _method("cv_vae")
    fitted = densities.fit("ex_post_gaussian", method, digits.data, seed=0)
    torch.manual_seed(1)
    codes = sampled_codes(method.eval(), digits.data.train)
    # Codes are drawn with other noise of deviation about 1, so moments of 1000 rows differ by five standard errors.
    torch.testing.assert_close(fitted.mean, codes.mean(0), atol=5 * (2 / 1000) ** 0.5, rtol=0)
    covariance = fitted.covariance_matrix  # type: ignore[attr-defined]
    torch.testing.assert_close(covariance, codes.mT.cov(), atol=0.35, rtol=0)


def test_a_conditional_method_is_fitted_with_the_labels_of_the_rows(digits: Dataset) -> None:
    method = _method("conditional_vae", latent=2)
    fitted = densities.fit("ex_post_gaussian", method, digits.data, seed=0)
    assert fitted.sample().shape == (2,)
    with pytest.raises(BadInput, match="conditional_vae encodes and decodes data of given classes"):
        method.decode(fitted.sample(torch.Size([3])))


@pytest.mark.parametrize("density", ["ex_post_gaussian", "ex_post_gmm", "second_stage"])
def test_draws_of_codes_with_a_category_have_one(density: str, digits: Dataset) -> None:
    method = _method("joint_vae", latent=7, categories=3)
    fitted = densities.fit(density, method, digits.data, seed=0)
    draws = fitted.sample(torch.Size([50]))
    assert draws[:, 4:].sum(1).eq(1).all()
    assert draws[:, 4:].max(1).values.eq(1).all()
    assert draws[:, :4].unique().numel() == 200
    assert not has_rate(fitted)


def test_categories_are_as_frequent_as_among_the_codes(digits: Dataset) -> None:
    method = _method("joint_vae", latent=7, categories=3)
    with torch.no_grad():
        method.encoder[-1].bias[-3:] = torch.tensor([2.0, 0.0, 1.0])
    draws = densities.fit("ex_post_gmm", method, digits.data, seed=0).sample(torch.Size([3000]))
    torch.manual_seed(0)
    codes = sampled_codes(method.eval(), digits.data.train)
    # Both shares have a standard error below 0.016; five of their difference.
    torch.testing.assert_close(draws[:, 4:].mean(0), codes[:, 4:].mean(0), atol=5 * 0.022, rtol=0)


@pytest.mark.parametrize("density", ["ex_post_gaussian", "ex_post_gmm", "second_stage"])
def test_codes_that_are_not_finite_are_refused(density: str, digits: Dataset) -> None:
    method = _method()
    with torch.no_grad():
        next(method.encoder.parameters())[0, 0] = torch.nan
    with pytest.raises(BadInput, match="1000 of 1000 training codes are not finite"):
        densities.fit(density, method, digits.data, seed=0)


@pytest.mark.parametrize(
    ("density", "rows", "message"),
    [
        ("ex_post_gaussian", 1, "at least 2 training rows, got 1"),
        ("ex_post_gmm", 9, "at least 10 training rows, got 9"),
    ],
)
def test_too_few_rows_are_refused(density: str, rows: int, message: str, digits: Dataset) -> None:
    with pytest.raises(BadInput, match=message):
        densities.fit(density, _method("ae"), _few(digits, rows), seed=0)


@pytest.mark.parametrize("density", ["ex_post_gaussian", "ex_post_gmm", "second_stage"])
def test_codes_that_are_all_the_same_are_drawn_near_there(density: str, digits: Dataset) -> None:
    method = _method("ae")
    with torch.no_grad():
        for parameter in method.encoder.parameters():
            parameter.zero_()
    draws = densities.fit(density, method, digits.data, seed=0).sample(torch.Size([100]))
    np.testing.assert_allclose(draws, 0, atol=0.01)
