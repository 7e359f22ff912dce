from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import methods
from methods.core.base import Batch, Method
from methods.core.codes import encode
from methods.rae import squared_jacobian
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.networks.conv import Conv
from pipelines.training import Training
from pipelines.trial import trial

REGULARIZERS = ["none", "l2", "gp", "sn"]


def _method(network: str = "mlp", **hyper: object) -> Method:
    torch.manual_seed(0)
    if network == "conv":
        return methods.build("rae", Conv((1, 28, 28), 1000, 10, width=2), 3, **hyper).double()
    domain = networks.build(network, event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("rae", domain, 3, **hyper).double()


def _batch(digits: Dataset) -> Batch:
    batch = digits.data.train[torch.arange(20)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


def _started(digits: Dataset, method: str = "rae", **settings: object) -> Training:
    fixed = {"method": method, "data": "digits", "network": "mlp", "latent": 4, "epochs": 3, "learning_rate": 3e-3}
    return Training(trial(fixed | settings), digits, torch.device("cpu"))


def _trained(digits: Dataset, method: str = "rae", **settings: object) -> Method:
    training = _started(digits, method, **settings)
    while not training.done:
        training.epoch()
    training.finish()
    return training.method.eval()


def _jacobians(method: Method, z: Tensor) -> Tensor:
    """(B, values, latent), exact, one row at a time."""
    rows = [torch.autograd.functional.jacobian(lambda code: method.decode(code[None])[0].flatten(), row) for row in z]
    return torch.stack(rows)


@pytest.mark.parametrize("hyper", [{"regularizer": "none"}, {"regularizer": "l2", "weight": 0}])
def test_with_zero_weights_training_is_the_autoencoders(hyper: dict[str, object], digits: Dataset) -> None:
    found, expected = _trained(digits, beta=0, **hyper).state_dict(), _trained(digits, "ae").state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_codes_pay_half_their_squared_norm(digits: Dataset) -> None:
    method, batch = _method(beta=0.3), _batch(digits)
    codes = method.encoder(batch.x).detach().numpy()
    assert method.loss(batch)["codes"].item() == pytest.approx(0.3 * 0.5 * (codes**2).sum(1).mean())


@pytest.mark.parametrize(("network", "layers"), [("mlp", 2), ("gated_mlp", 3), ("conv", 5)])
def test_l2_is_the_sum_of_squares_of_matrices_and_kernels_of_the_decoder(network: str, layers: int) -> None:
    method = _method(network, weight=0.01)
    kinds = nn.Linear | nn.ConvTranspose2d
    weights = [layer.weight.detach().numpy() for layer in method.decoder.modules() if isinstance(layer, kinds)]
    x = torch.rand(4, 1, *[28 if network == "conv" else 8] * 2).double()
    found = method.loss(Batch(x, x, torch.arange(4)))["decoder_weights"].item()
    assert len(weights) == layers
    assert found == pytest.approx(0.01 * sum((weight**2).sum() for weight in weights))


def test_gp_is_in_expectation_the_squared_norm_of_the_decoders_jacobian_in_the_codes(digits: Dataset) -> None:
    method, batch = _method(regularizer="gp"), _batch(digits)
    z = 2 * torch.randn(4, 3).double()
    exact = _jacobians(method, z).square().sum((1, 2))
    many = squared_jacobian(method.decoder, z.repeat(2000, 1)).detach().view(2000, 4)
    # Five standard errors: false alarm below 1e-6.
    assert (many.mean(0) - exact).abs().lt(5 * many.std(0) / math.sqrt(2000)).all()
    torch.manual_seed(1)
    found = method.loss(batch)["decoder_slope"].item()
    torch.manual_seed(1)
    assert found == pytest.approx(1e-4 * squared_jacobian(method.decoder, method.encoder(batch.x)).mean().item())


def test_gp_is_exact_in_every_single_estimate_where_there_is_one_value() -> None:
    domain = networks.build("mlp", event=(1, 1, 1), rows=10, classes=0, likelihood="gaussian")
    method = methods.build("rae", domain, 3).double()
    z = torch.randn(5, 3).double()
    torch.testing.assert_close(squared_jacobian(method.decoder, z), _jacobians(method, z).square().sum((1, 2)))


def test_gp_teaches_the_decoder_and_the_encoder(digits: Dataset) -> None:
    method = _method(regularizer="gp", weight=1.0)
    penalty = method.loss(_batch(digits))["decoder_slope"]
    parameters = dict(method.named_parameters())
    last_bias = "decoder.network.2.bias"
    gradients = torch.autograd.grad(penalty, list(parameters.values()))
    assert all(gradient.ne(0).any() for gradient in gradients)
    assert last_bias in parameters


def test_gp_can_be_measured_without_gradients(digits: Dataset) -> None:
    with torch.no_grad():
        assert _method(regularizer="gp").loss(_batch(digits))["decoder_slope"].isfinite()


@pytest.mark.parametrize("network", ["mlp", "gated_mlp"])
def test_sn_keeps_the_largest_singular_value_of_every_decoder_layer_at_one(network: str, digits: Dataset) -> None:
    method = _trained(digits, regularizer="sn", network=network)
    layers = [layer for layer in method.decoder.modules() if isinstance(layer, nn.Linear)]
    values = [np.linalg.svd(layer.weight.detach().numpy(), compute_uv=False).max() for layer in layers]
    # One power iteration a step follows moving weights up to a few percent.
    assert values == pytest.approx([1.0] * len(layers), abs=0.1)


def test_sn_reaches_transposed_convolutions_and_leaves_the_encoder_alone() -> None:
    method = _method("conv", regularizer="sn")
    bounded = {name for name, _ in method.named_parameters() if "parametrizations" in name}
    assert len(bounded) == 5
    assert all(name.startswith("decoder") for name in bounded)


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_training_with_any_regularizer_can_be_continued(regularizer: str, digits: Dataset) -> None:
    whole = _started(digits, regularizer=regularizer, epochs=2)
    whole.epoch()
    state = copy.deepcopy(whole.state_dict())
    expected = whole.epoch()
    resumed = _started(digits, regularizer=regularizer, epochs=2)
    resumed.load_state_dict(state)
    found = resumed.epoch()
    assert {**found, "seconds": 0} == {**expected, "seconds": 0}


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_the_prior_is_the_gaussian_of_the_training_codes(regularizer: str, digits: Dataset) -> None:
    method = _trained(digits, regularizer=regularizer, epochs=1)
    codes = encode(method, digits.data.train).double().numpy()
    np.testing.assert_allclose(method.prior().mean, codes.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(method.prior().covariance_matrix, np.cov(codes.T), rtol=1e-3, atol=1e-3)


def test_a_penalty_on_the_slope_makes_the_decoder_smooth_where_codes_are(digits: Dataset) -> None:
    x = digits.data.test.head(30)
    plain, smooth = (_trained(digits, regularizer="gp", beta=0, weight=weight) for weight in (0, 0.5))
    slopes = [_jacobians(method, encode(method, x)).square().sum() for method in (plain, smooth)]
    assert slopes[1] < slopes[0] / 2


def test_a_penalty_on_the_weights_makes_them_small(digits: Dataset) -> None:
    trained = [_trained(digits, beta=0, weight=weight, epochs=8) for weight in (0, 1)]
    squares = [sum(part.square().sum() for part in method.decoder.parameters()) for method in trained]
    assert squares[1] < squares[0] / 3


def test_a_penalty_on_the_codes_makes_them_small(digits: Dataset) -> None:
    trained = [_trained(digits, regularizer="none", beta=beta) for beta in (0, 1)]
    squares = [encode(method, digits.data.test).square().sum() for method in trained]
    assert squares[1] < squares[0] / 2
