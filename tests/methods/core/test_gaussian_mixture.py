"""Large mixtures against torch's own and against scipy."""

from __future__ import annotations

import math

import numpy as np
import scipy.stats
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from methods.core.gaussian_mixture import GaussianMixture


def _parts(components: int, latent: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    weights = torch.rand(components).double().add(0.1)
    means = 3 * torch.randn(components, latent).double() + 20
    return (weights / weights.sum()).log(), means, torch.rand(components, latent).double() + 0.3


def test_the_density_is_that_of_torchs_mixture() -> None:
    log_weights, means, scales = _parts(7, 3)
    theirs = MixtureSameFamily(Categorical(logits=log_weights), Independent(Normal(means, scales), 1))
    z = means[:5] + torch.randn(5, 3).double()
    torch.testing.assert_close(GaussianMixture(log_weights, means, scales).log_prob(z), theirs.log_prob(z))


def test_float32_far_from_the_origin_loses_no_more_than_a_thousandth() -> None:
    log_weights, means, scales = _parts(50, 40)
    z = means[:20] + scales[:20] * torch.randn(20, 40).double()
    exact = GaussianMixture(log_weights, means, scales).log_prob(z)
    single = GaussianMixture(log_weights.float(), means.float(), scales.float()).log_prob(z.float())
    assert (exact - single).abs().max() < 1e-3


def test_one_shared_scale_is_every_components_scale() -> None:
    log_weights, means, _ = _parts(4, 2)
    shared = torch.full((1, 2), 0.7).double()
    z = torch.randn(6, 2).double() + 20
    ours = GaussianMixture(log_weights, means, shared).log_prob(z)
    torch.testing.assert_close(ours, GaussianMixture(log_weights, means, shared.expand(4, 2)).log_prob(z))


def test_components_are_drawn_by_their_weights() -> None:
    """Chi-squared at a false-alarm rate of 1e-6; a sampler that takes the first components fails."""
    weights = torch.tensor([0.1, 0.2, 0.7])
    prior = GaussianMixture(weights.log(), torch.zeros(3, 1), torch.ones(1, 1))
    counts = prior.sample_components(20_000).bincount(minlength=3).numpy()
    assert scipy.stats.chisquare(counts, 20_000 * weights.numpy()).pvalue > 1e-6


def test_draws_follow_the_density() -> None:
    """Kolmogorov-Smirnov against the mixture's distribution function, at a false-alarm rate of 1e-6."""
    weights, means, scales = np.array([0.3, 0.7]), np.array([-2.0, 1.0]), np.array([0.5, 1.5])
    parts = (torch.tensor(weights).log(), torch.tensor(means)[:, None], torch.tensor(scales)[:, None])
    draws = GaussianMixture(*parts).sample((20_000,)).squeeze(1).numpy()
    cdf = lambda z: (weights * scipy.stats.norm.cdf(z[:, None], means, scales)).sum(1)  # noqa: E731
    assert scipy.stats.kstest(draws, cdf).pvalue > 1e-6


def test_it_integrates_to_one_on_a_grid() -> None:
    log_weights, means, scales = _parts(3, 2)
    axis = torch.linspace(0, 40, 401).double()
    grid = torch.cartesian_prod(axis, axis)
    mass = GaussianMixture(log_weights, means, scales).log_prob(grid).exp().sum() * (axis[1] - axis[0]) ** 2
    assert math.isclose(mass.item(), 1, rel_tol=1e-3)


def test_gradients_reach_codes_and_means() -> None:
    log_weights, means, scales = _parts(5, 3)
    z = torch.randn(4, 3).double().requires_grad_()
    GaussianMixture(log_weights, means.requires_grad_(), scales).log_prob(z).sum().backward()
    assert z.grad is not None
    assert means.grad is not None
    assert z.grad.isfinite().all()
    assert means.grad.abs().sum() > 0
