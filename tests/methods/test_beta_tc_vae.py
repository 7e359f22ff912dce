from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import methods
from methods.beta_tc_vae import aggregate_log_prob
from methods.core.base import Batch, Method
from methods.core.distributions import gaussian
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(**hyper: object) -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("beta_tc_vae", domain, 3, **hyper).double()


def _batch(digits: Dataset) -> Batch:
    batch = digits.data.train[torch.arange(12)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


def _terms(method: Method, batch: Batch) -> tuple[dict[str, float], Tensor]:
    torch.manual_seed(1)
    terms = {name: term.item() for name, term in method.loss(batch).items()}
    torch.manual_seed(1)
    return terms, method.posterior(batch.x).rsample().detach()


def _brute(mean: np.ndarray, deviation: np.ndarray, z: np.ndarray) -> tuple[float, float, float]:
    """Mutual information, total correlation and dimension rates by loops over codes, rows and dimensions."""
    found = np.zeros(3)
    for i, code in enumerate(z):
        density = stats.norm.pdf(code, mean, deviation)  # of this code under every row's posterior
        joint = math.log(sum(math.prod(row) for row in density) / len(z))
        marginals = sum(math.log(sum(row[d] for row in density) / len(z)) for d in range(z.shape[1]))
        own, prior = stats.norm.logpdf(code, mean[i], deviation[i]).sum(), stats.norm.logpdf(code).sum()
        found += np.array([own - joint, joint - marginals, marginals - prior]) / len(z)
    return tuple(found.tolist())


def test_every_term_is_what_loops_over_codes_rows_and_dimensions_give(digits: Dataset) -> None:
    method, batch = _method(alpha=2, beta=3, gamma=5), _batch(digits)
    terms, z = _terms(method, batch)
    posterior = method.posterior(batch.x)
    brute = _brute(posterior.mean.detach().numpy(), posterior.stddev.detach().numpy(), z.numpy())
    assert terms["mutual_information"] == pytest.approx(2 * brute[0])
    assert terms["total_correlation"] == pytest.approx(3 * brute[1])
    assert terms["dimension_rates"] == pytest.approx(5 * brute[2])


def test_with_all_weights_one_it_is_the_vae_with_its_rate_at_the_sampled_code(digits: Dataset) -> None:
    method, batch = _method(alpha=1, beta=1, gamma=1), _batch(digits)
    terms, z = _terms(method, batch)
    rate = (method.posterior(batch.x).log_prob(z) - method.prior().log_prob(z)).mean().item()
    assert sum(terms.values()) - terms["reconstruction"] == pytest.approx(rate)
    vae = methods.build("vae", networks.build("mlp", event=(1, 8, 8), rows=9, classes=0, likelihood="bernoulli"), 3)
    vae.load_state_dict(method.state_dict())
    assert terms["reconstruction"] == pytest.approx(_terms(vae.double(), batch)[0]["reconstruction"])


def _entropies(means: np.ndarray, deviations: np.ndarray) -> tuple[float, float, float, float]:
    """E log q(z|x), E log q(z), E sum_d log q(z_d) and E log p(z) of a mixture in two dimensions, on a grid."""
    axis = np.linspace(-9, 9, 1201)
    one = stats.norm.pdf(axis[:, None, None], means, deviations)  # (grid, rows, 2)
    first, second = one[:, :, 0].mean(1), one[:, :, 1].mean(1)
    joint = np.einsum("an,bn->ab", one[:, :, 0], one[:, :, 1]) / len(means)
    step = axis[1] - axis[0]
    own = -(0.5 * np.log(2 * np.pi * np.e) + np.log(deviations)).sum(1).mean()
    together = (joint * np.log(joint + 1e-300)).sum() * step**2
    apart = sum((p * np.log(p + 1e-300)).sum() * step for p in (first, second))
    prior = -0.5 * (means**2 + deviations**2 + np.log(2 * np.pi)).sum(1).mean()
    return own, together, apart, prior


def test_with_all_rows_in_the_batch_the_terms_are_the_exact_divergences() -> None:
    means = torch.tensor([[-1.5, -1.0], [1.5, 1.2], [0.3, 0.0], [1.0, 2.0]]).double()
    log_variances = torch.tensor([[-1.0, -2.0], [-0.5, -1.0], [-3.0, 0.0], [-2.0, -1.5]]).double()
    posterior = gaussian(torch.cat([means, log_variances], 1))
    values = []
    for _ in range(2000):
        z = posterior.sample()
        joint, marginals = aggregate_log_prob(posterior, z)
        prior = -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)
        values.append([v.mean().item() for v in (posterior.log_prob(z) - joint, joint - marginals, marginals - prior)])
    found = np.array(values)
    own, together, apart, prior = _entropies(means.numpy(), posterior.stddev.numpy())
    exact = np.array([own - together, together - apart, apart - prior])
    # Five standard errors: false alarm below 1e-6.
    assert (np.abs(found.mean(0) - exact) < 5 * found.std(0) / math.sqrt(2000)).all()
    assert exact.min() > 0.1


def test_independent_dimensions_have_no_total_correlation() -> None:
    """The posteriors on a grid of means are a product of their marginals, whatever the codes."""
    grid = torch.cartesian_prod(torch.linspace(-2, 2, 5), torch.linspace(-2, 2, 4)).double()
    posterior = gaussian(torch.cat([grid, -torch.ones_like(grid)], 1))
    joint, marginals = aggregate_log_prob(posterior, torch.randn(20, 2).double())
    torch.testing.assert_close(joint, marginals)


def test_the_mutual_information_is_at_most_the_logarithm_of_the_rows() -> None:
    apart = torch.cat([100 * torch.arange(10.0).view(-1, 1), torch.zeros(10, 1)], 1).double()
    posterior = gaussian(apart)
    z = posterior.sample()
    joint, _ = aggregate_log_prob(posterior, z)
    torch.testing.assert_close(posterior.log_prob(z) - joint, torch.full((10,), math.log(10)).double())


def test_a_large_beta_makes_codes_less_dependent_than_the_vaes(digits: Dataset) -> None:
    found = []
    for beta in (1.0, 20.0):
        settings = {
            "method": "beta_tc_vae",
            "data": "digits",
            "network": "mlp",
            "latent": 3,
            "epochs": 15,
            "beta": beta,
        }
        training = Training(trial(settings | {"learning_rate": 3e-3}), digits, torch.device("cpu"))
        while not training.done:
            training.epoch()
        posterior = training.method.posterior(digits.data.train.x)
        joint, marginals = aggregate_log_prob(posterior, posterior.sample())
        found.append((joint - marginals).mean().item())
    assert found[1] < found[0] / 3
