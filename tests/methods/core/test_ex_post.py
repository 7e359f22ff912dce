from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.core.errors import BadInput
from methods.core.ex_post import finite, fitted_gaussian


@pytest.mark.parametrize("latent", [1, 4])
def test_it_has_the_mean_and_the_covariance_of_the_codes(latent: int) -> None:
    codes = 3 + torch.randn(200, latent) @ torch.randn(latent, latent)
    mean, factor = fitted_gaussian(codes)
    rows = codes.double().numpy()
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-12)  # in double precision, though the codes are not
    covariance = np.cov(rows.T).reshape(latent, latent)
    np.testing.assert_allclose(factor @ factor.mT, covariance, atol=1e-5 * (1 + covariance.trace()))


def test_dimensions_that_repeat_others_are_allowed() -> None:
    codes = torch.randn(50, 1).expand(50, 6)
    _, factor = fitted_gaussian(codes)
    assert factor.isfinite().all()
    assert (factor.diagonal() > 0).all()


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_codes_are_refused(rows: int) -> None:
    with pytest.raises(BadInput, match=f"the codes of at least 2 training rows, got {rows}: use more data"):
        fitted_gaussian(torch.zeros(rows, 3))


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_codes_that_are_not_finite_are_refused(wrong: float) -> None:
    codes = torch.randn(10, 3)
    codes[4:6] = wrong
    with pytest.raises(BadInput, match="2 of 10 training codes are not finite: train with a smaller learning rate"):
        fitted_gaussian(codes)


def test_finite_codes_are_the_codes_themselves() -> None:
    codes = torch.randn(10, 3)
    assert finite(codes) is codes
