from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

import methods
from methods.core.base import Batch, Method
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate, gaussian_rates
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(name: str = "free_bits", **hyper: object) -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build(name, domain, 5, **hyper).double()


def _batch(digits: Dataset) -> Batch:
    batch = digits.data.train[torch.arange(20)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


def _rates(method: Method, x: Tensor) -> Tensor:
    """Every dimension's mean divergence, by torch."""
    normal = method.posterior(x).base_dist
    return kl_divergence(normal, Normal(torch.zeros_like(normal.loc), torch.ones_like(normal.loc))).mean(0)


def _trained(digits: Dataset, **settings: object) -> Method:
    fixed = {"data": "digits", "network": "mlp", "latent": 12, "epochs": 15, "learning_rate": 3e-3}
    training = Training(trial(fixed | settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    return training.method


@pytest.mark.parametrize("mean", [0.0, 1.5])
def test_the_rates_of_dimensions_are_torchs_and_sum_to_the_rate(mean: float) -> None:
    posterior = gaussian(torch.randn(7, 8).double())
    normal = posterior.base_dist
    centers = torch.full_like(normal.loc, mean)
    found = gaussian_rates(posterior, centers)
    torch.testing.assert_close(found, kl_divergence(normal, Normal(centers, torch.ones_like(centers))))
    torch.testing.assert_close(found.sum(1), gaussian_rate(posterior, centers))


def test_with_nothing_free_objective_and_gradients_are_the_vaes(digits: Dataset) -> None:
    found, expected = [], []
    for name, hyper, to in (("free_bits", {"free_rate": 0.0}, found), ("vae", {}, expected)):
        method = _method(name, **hyper)
        torch.manual_seed(1)
        terms = method.loss(_batch(digits))
        to.extend(terms.values())
        to.extend(torch.autograd.grad(terms["reconstruction"] + terms["rate"], list(method.parameters())))
    torch.testing.assert_close(found, expected)


def test_every_dimension_pays_its_mean_over_the_batch_or_the_allowance(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    means = sorted(_rates(method, batch.x).tolist())
    allowance = (means[2] + means[3]) / 2  # between dimensions, so that some pay and some do not
    method.free_rate = allowance
    assert method.loss(batch)["rate"].item() == pytest.approx(3 * allowance + means[3] + means[4])


def test_a_dimension_below_its_allowance_is_not_pushed(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    rates = _rates(method, batch.x).detach()
    method.free_rate = rates.median().item() + 1e-9
    outputs: list[Tensor] = []
    method.encoder.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    (gradient,) = torch.autograd.grad(method.loss(batch)["rate"], outputs)
    moved = gradient.abs().sum(0).view(2, 5).sum(0) > 0
    assert torch.equal(moved, rates > method.free_rate)


def test_the_allowance_keeps_dimensions_in_use_that_the_vae_switches_off(digits: Dataset) -> None:
    ours, theirs = _trained(digits, method="free_bits", free_rate=0.5), _trained(digits, method="vae")
    x = digits.data.train.x
    assert _rates(ours, x).min() > 0.4
    assert _rates(theirs, x).min() < 0.1
