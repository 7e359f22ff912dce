"""One Gaussian with full covariance, fitted to the training codes."""

from __future__ import annotations

from torch.distributions import Distribution, MultivariateNormal

from methods.core.base import Method, Split
from methods.core.ex_post import fitted_gaussian
from pipelines.densities.codes import sampled_codes


def fit(method: Method, train: Split) -> Distribution:
    """N(mean, covariance) of one code a row. Source: Ghosh et al. 2020 (RAE), section 4."""
    codes = sampled_codes(method, train)
    mean, factor = fitted_gaussian(codes)
    return MultivariateNormal(mean.to(codes), scale_tril=factor.to(codes))
