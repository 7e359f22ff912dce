from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

import methods
from methods.core.base import Batch, Method
from methods.core.errors import BadInput
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.evaluate import evaluate
from pipelines.training import Training
from pipelines.trial import trial


def _method(latent: int = 6, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("vq_vae", domain, latent, **({"positions": 2, "vectors": 16} | hyper)).double()


def _batch(digits: Dataset) -> Batch:
    x = digits.data.train.x[:40].double()
    return Batch(x, x, torch.arange(40))


def _halves(method: Method, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Encoder outputs and their nearest vectors, found position by position: three dimensions each."""
    z, vectors = method.encoder(batch.x).detach().numpy(), method.get_parameter("codebook").detach().numpy()
    parts = [vectors[cdist(z[:, own], vectors[:, own]).argmin(1)][:, own] for own in (slice(0, 3), slice(3, 6))]
    return z, np.concatenate(parts, 1)


def test_the_terms_are_squared_distances_to_the_nearest_vectors(digits: Dataset) -> None:
    method, batch = _method(commitment=0.4), _batch(digits)
    z, code = _halves(method, batch)
    distance = ((z - code) ** 2).sum(1).mean()
    terms = method.loss(batch)
    assert terms["codebook"].item() == pytest.approx(distance)
    assert terms["commitment"].item() == pytest.approx(0.4 * distance)


def test_the_reconstruction_is_from_the_vectors(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    _, code = _halves(method, batch)
    expected = -method.log_likelihood(batch.x, torch.from_numpy(code)).mean()
    torch.testing.assert_close(method.loss(batch)["reconstruction"], expected)
    np.testing.assert_allclose(method.posterior(batch.x).mean.detach(), code)


def test_gradients_of_the_reconstruction_pass_the_vectors_unchanged(digits: Dataset) -> None:
    method, batch, outputs = _method(), _batch(digits), []
    method.encoder.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    (found,) = torch.autograd.grad(method.loss(batch)["reconstruction"], outputs)
    code = torch.from_numpy(_halves(method, batch)[1]).requires_grad_()
    (expected,) = torch.autograd.grad(-method.log_likelihood(batch.x, code).mean(), code)
    torch.testing.assert_close(found, expected)


def test_each_distance_moves_one_side(digits: Dataset) -> None:
    method = _method()
    terms, codebook = method.loss(_batch(digits)), [method.get_parameter("codebook")]
    encoder = list(method.encoder.parameters())
    assert torch.autograd.grad(terms["codebook"], encoder, allow_unused=True)[0] is None
    assert torch.autograd.grad(terms["commitment"], codebook, allow_unused=True)[0] is None
    assert torch.autograd.grad(terms["reconstruction"], codebook, allow_unused=True)[0] is None


def test_vectors_start_where_rows_are_encoded(digits: Dataset) -> None:
    method = _method().float()
    with torch.no_grad():
        method.start_epoch(0, digits.data)
        z = method.encoder(digits.data.train.x)
    nearest = cdist(method.get_parameter("codebook").detach(), z).min(1)
    np.testing.assert_allclose(nearest, 0, atol=1e-5)


def test_vectors_that_no_row_uses_move_and_the_others_stay(digits: Dataset) -> None:
    method = _method().float()
    with torch.no_grad():
        method.start_epoch(0, digits.data)
        codebook = method.get_parameter("codebook")
        codebook[3, :3] = 1e3
        before = codebook.clone()
        z = method.encoder(digits.data.train.x).numpy()
        method.start_epoch(1, digits.data)
    used = np.zeros((16, 6), bool)
    for own in (slice(0, 3), slice(3, 6)):
        used[np.unique(cdist(z[:, own], before[:, own]).argmin(1)), own] = True
    np.testing.assert_array_equal(codebook.detach().numpy()[used], before.numpy()[used])
    assert not used[3, :3].any()
    assert codebook.abs().max() < 100


def test_the_fitted_prior_has_the_frequencies_of_the_training_set(digits: Dataset) -> None:
    method, train = _method().float(), digits.data.train
    with torch.no_grad():
        method.start_epoch(0, digits.data)
        method.finish(digits.data)
        code = method.posterior(train.x).mean
    counts: dict[tuple[float, ...], int] = {}
    for row in code[:, :3].tolist():
        counts[tuple(row)] = counts.get(tuple(row), 0) + 1
    found = method.get_buffer("log_frequencies")[0].exp()
    expected = sorted((count + 1) / (len(train) + 16) for count in counts.values())
    np.testing.assert_allclose(found.sort().values[-len(expected) :], expected, rtol=1e-4)
    assert found.sum().item() == pytest.approx(1)


def test_before_it_is_fitted_the_prior_is_uniform(digits: Dataset) -> None:
    method = _method()
    found = method.prior().log_prob(method.posterior(_batch(digits).x).mean)
    torch.testing.assert_close(found, torch.full((40,), -2 * math.log(16)).double())


def test_the_rate_of_a_trained_code_is_below_that_of_a_uniform_choice(digits: Dataset) -> None:
    settings = {"method": "vq_vae", "data": "digits", "network": "mlp", "latent": 8, "batch_size": 50}
    training = Training(trial(settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    training.finish()
    found = evaluate(training.method, digits.data.test)
    assert 0 < found["rate"] < 4 * math.log(128) + 2
    # The mean image has about 26 nats.
    assert found["reconstruction"] < 21


def test_more_positions_than_dimensions_are_refused() -> None:
    with pytest.raises(BadInput, match=r"vq_vae.positions must be at most the latent size \(3\), got 4"):
        _method(latent=3, positions=4)
