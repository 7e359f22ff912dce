from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import methods
from methods.core.base import Batch, Method
from methods.core.errors import BadInput
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import monitor
from pipelines.training import Training
from pipelines.trial import trial


def _trained(digits: Dataset, method: str = "info_vae", **settings: object) -> Method:
    fixed = {"method": method, "data": "digits", "network": "mlp", "latent": 4, "epochs": 3, "learning_rate": 3e-3}
    training = Training(trial(fixed | settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    return training.method


def _method(**hyper: object) -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("info_vae", domain, 6, **hyper).double()


def _batch(digits: Dataset) -> Batch:
    batch = digits.data.train[torch.arange(15)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


def _terms(method: Method, batch: Batch) -> tuple[dict[str, float], Tensor]:
    torch.manual_seed(1)
    terms = {name: term.item() for name, term in method.loss(batch).items()}
    torch.manual_seed(1)
    return terms, method.posterior(batch.x).rsample().detach()


def test_with_alpha_zero_and_scaling_one_training_is_the_vaes(digits: Dataset) -> None:
    found, expected = _trained(digits, scaling=1).state_dict(), _trained(digits, "vae").state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(("bandwidth", "squares"), [(1.0, 12.0), (3.0, 36.0)])
def test_the_kernel_narrows_and_widens_with_the_bandwidth(bandwidth: float, squares: float, digits: Dataset) -> None:
    """exp(-1/2) two latent dimensions' worth apart, and so on: compared with double loops and draws of the prior."""
    terms, z = _terms(_method(scaling=1.5, bandwidth=bandwidth), _batch(digits))
    expected, error = _brute(z, squares)
    # Five standard errors: false alarm below 1e-6.
    assert terms["mmd"] == pytest.approx(0.5 * expected, abs=5 * 0.5 * error)


def test_at_half_the_latent_size_it_is_the_kernel_of_the_authors_code(digits: Dataset) -> None:
    terms, z = _terms(_method(scaling=2, bandwidth=3.0), _batch(digits))
    authors = _brute(z, 6 * 6)  # exp(-mean((a - b)^2) / 6) over 6 dimensions
    assert terms["mmd"] == pytest.approx(authors[0], abs=5 * authors[1])


def _brute(z: Tensor, squares: float) -> tuple[float, float]:
    """Double loops over codes, 100,000 draws of the prior, for exp(-|a - b|^2 / squares); and its standard error."""
    pairs = [math.exp(-(a - b).square().sum().item() / squares) for a in z for b in z]
    within = (sum(pairs) - len(z)) / (len(z) * (len(z) - 1))
    one, other = torch.randn(2, 100_000, z.shape[1]).double()
    across = torch.stack([(-(one - code).square().sum(1) / squares).exp() for code in z]).mean(0)
    sample = (-(one - other).square().sum(1) / squares).exp() - 2 * across
    return within + sample.mean().item(), sample.std().item() / math.sqrt(100_000)


@pytest.mark.parametrize(("alpha", "scaling"), [(0.0, 1000.0), (0.4, 3.0), (1.0, 2.0), (-2.0, 5.0)])
def test_alpha_and_scaling_weight_the_rate_and_the_discrepancy(alpha: float, scaling: float, digits: Dataset) -> None:
    batch = _batch(digits)
    plain, _ = _terms(_method(alpha=0.0, scaling=2.0), batch)
    terms, _ = _terms(_method(alpha=alpha, scaling=scaling), batch)
    assert terms["rate"] == pytest.approx((1 - alpha) * plain["rate"])
    assert terms["mmd"] == pytest.approx((alpha + scaling - 1) * plain["mmd"])
    assert terms["reconstruction"] == plain["reconstruction"]


def test_a_weight_that_would_drive_codes_from_the_prior_is_refused() -> None:
    with pytest.raises(BadInput, match=r"info_vae needs alpha \+ scaling >= 1, got 0.0 \+ 0.001: choose a larger"):
        _method(alpha=0.0, scaling=0.001)


def test_free_information_fills_the_codes(digits: Dataset) -> None:
    free, charged = (
        monitor(_trained(digits, alpha=alpha, scaling=10.0, epochs=10), digits.data.test) for alpha in (1.0, 0.0)
    )
    assert free["rate"] > charged["rate"] + 3
    assert free["bce"] < charged["bce"] - 1
