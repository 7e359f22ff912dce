from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

import methods
from methods.core.base import Batch, Method
from methods.core.codes import encode
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(**hyper: object) -> Method:
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("dip_vae", domain, 4, **hyper).double()


def _batch(digits: Dataset) -> Batch:
    batch = digits.data.train[torch.arange(20)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


def _trained(digits: Dataset, method: str = "dip_vae", **settings: object) -> Method:
    fixed = {"method": method, "data": "digits", "network": "mlp", "latent": 3, "epochs": 3, "learning_rate": 3e-3}
    training = Training(trial(fixed | settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    return training.method.eval()


def _covariance(method: Method, x: Tensor, variant: str) -> np.ndarray:
    posterior = method.posterior(x)
    covariance = np.cov(posterior.mean.detach().numpy().T, bias=True)
    spread = posterior.variance.detach().numpy().mean(0)
    return covariance + np.diag(spread) if variant == "II" else covariance


@pytest.mark.parametrize("variant", ["I", "II"])
def test_with_zero_weights_training_is_the_vaes(variant: str, digits: Dataset) -> None:
    ours = _trained(digits, variant=variant, off_diagonal=0, diagonal=0)
    found, expected = ours.state_dict(), _trained(digits, "vae").state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("variant", ["I", "II"])
def test_covariances_and_variances_pay_their_squared_distances(variant: str, digits: Dataset) -> None:
    method, batch = _method(variant=variant, off_diagonal=3, diagonal=7), _batch(digits)
    covariance = _covariance(method, batch.x, variant)
    apart = sum(covariance[i, j] ** 2 for i in range(4) for j in range(4) if i != j)
    own = sum((covariance[i, i] - 1) ** 2 for i in range(4))
    terms = method.loss(batch)
    assert terms["covariances"].item() == pytest.approx(3 * apart)
    assert terms["variances"].item() == pytest.approx(7 * own)


def test_the_second_variant_is_the_covariance_of_sampled_codes(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    codes = method.posterior(batch.x).sample(torch.Size([20_000])).flatten(0, 1)
    products = torch.einsum("ni,nj->nij", codes - codes.mean(0), codes - codes.mean(0))
    # Five standard errors of the averaged products: false alarm below 1e-6.
    error = 5 * products.std(0).numpy() / np.sqrt(len(codes))
    assert (np.abs(products.mean(0).numpy() - _covariance(method, batch.x, "II")) < error).all()


def test_only_the_second_variant_teaches_the_posterior_variances(digits: Dataset) -> None:
    moved = {}
    for variant in ("I", "II"):
        method, outputs = _method(variant=variant), []
        method.encoder.register_forward_hook(lambda module, inputs, output, to=outputs: to.append(output))
        (gradient,) = torch.autograd.grad(method.loss(_batch(digits))["variances"], outputs)
        moved[variant] = gradient.ne(0).any(0).view(2, 4).any(1).tolist()
    assert moved == {"I": [True, False], "II": [True, True]}


@pytest.mark.parametrize("variant", ["I", "II"])
def test_trained_codes_are_less_correlated_than_without_the_weight_of_covariances(
    variant: str, digits: Dataset
) -> None:
    x, settings = digits.data.train.x, {"variant": variant, "diagonal": 50.0, "latent": 6, "epochs": 12}
    found = []
    for weight in (0.0, 100.0):
        covariance = _covariance(_trained(digits, off_diagonal=weight, **settings), x, variant)
        found.append(np.abs(covariance - np.diag(np.diag(covariance))).sum())
    assert found[1] < 0.7 * found[0]


def test_codes_of_the_first_variant_have_unit_variance(digits: Dataset) -> None:
    method = _trained(digits, variant="I", off_diagonal=50.0, diagonal=500.0, epochs=15)
    assert encode(method, digits.data.train).var(0).tolist() == pytest.approx([1, 1, 1], abs=0.2)
