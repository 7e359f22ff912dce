"""A mixture of 10 Gaussians with full covariances, fitted to the training codes."""

from __future__ import annotations

import warnings

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch.distributions import Categorical, Distribution, MixtureSameFamily, MultivariateNormal

from methods.core.base import Method, Split
from methods.core.errors import BadInput
from pipelines.densities.codes import sampled_codes

_COMPONENTS = 10


def fit(method: Method, train: Split) -> Distribution:
    """scikit-learn's mixture of one code a row, by at most 2000 steps of expectation-maximization from k-means.

    A millionth of 1 + the total variance is added to every variance, for codes that do not fill their dimensions.

    Source: Ghosh et al. 2020 (RAE), section 4 and the authors' code.

    Raises:
        BadInput: fewer rows than components.
    """
    if len(train) < _COMPONENTS:
        raise BadInput(
            f"ex_post_gmm needs at least {_COMPONENTS} training rows, got {len(train)}: use ex_post_gaussian"
        )
    codes = sampled_codes(method, train)
    points = codes.cpu().double().numpy()
    mixture = GaussianMixture(
        _COMPONENTS,
        max_iter=2000,
        tol=1e-3,
        reg_covar=1e-6 * (1 + points.var(0).sum()),
        random_state=int(torch.randint(2**31, ())),
    )
    with warnings.catch_warnings():  # fewer distinct codes than components leave some of them equal: no harm
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(points)
    factors = torch.linalg.cholesky(torch.from_numpy(mixture.covariances_)).to(codes)
    components = MultivariateNormal(torch.from_numpy(mixture.means_).to(codes), scale_tril=factors)
    return MixtureSameFamily(Categorical(probs=torch.from_numpy(mixture.weights_).to(codes)), components)
