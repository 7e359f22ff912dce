from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

import methods
from methods.core.base import Batch, Method
from methods.core.codes import encode
from methods.core.errors import BadInput
from methods.core.sinkhorn import sinkhorn
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(latent: int = 6, rows: int = 1000, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=rows, classes=10, likelihood="bernoulli")
    return methods.build("prototypical_vae", domain, latent, **hyper)


def _batch(digits: Dataset) -> Batch:
    return digits.data.train[torch.arange(60)]


def _trained(digits: Dataset, method: str = "prototypical_vae", epochs: int = 15, **hyper: object) -> Training:
    settings = {"data": "digits", "method": method, "network": "mlp", "epochs": epochs, "latent": 8} | hyper
    training = Training(trial(settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    return training


def _prototypes(method: Method) -> Tensor:
    return method.get_parameter("prototypes.weight").detach()


@pytest.mark.parametrize("similarity", ["scaled", "cosine"])
def test_the_assignment_loss_is_the_cross_entropy_of_the_balanced_plan(digits: Dataset, similarity: str) -> None:
    method, batch = _method(similarity=similarity, epsilon=0.2, temperature=0.3), _batch(digits)
    z, v = method.encoder(batch.x).detach().numpy(), _prototypes(method).numpy()
    lengths = np.linalg.norm(z, axis=1)[:, None] * np.linalg.norm(v, axis=1)
    scores = z @ v.T / (lengths if similarity == "cosine" else np.sqrt(6))
    plan = sinkhorn(torch.from_numpy(scores), 0.2).numpy()
    softmax = np.exp(scores / 0.3) / np.exp(scores / 0.3).sum(1, keepdims=True)
    expected = -(plan * np.log(softmax)).sum(1).mean()
    assert method.loss(batch)["assignment"].item() == pytest.approx(expected, rel=1e-4)


def test_the_reconstruction_is_that_of_an_autoencoder(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    expected = -method.log_likelihood(batch.x, method.posterior(batch.x).mean).mean()
    torch.testing.assert_close(method.loss(batch)["reconstruction"], expected)


def test_a_batch_takes_three_steps_on_parts_of_their_own(digits: Dataset) -> None:
    method = _method(warmup_epochs=0)
    found = [(tuple(terms), parts) for terms, parts in method.updates(_batch(digits))]
    assert found == [
        (("assignment",), ("encoder", "prototypes")),
        (("mmd",), ("encoder",)),
        (("reconstruction",), ("encoder", "decoder")),
    ]


def test_codes_are_encoded_anew_for_every_step(digits: Dataset) -> None:
    method, batch = _method(warmup_epochs=0), _batch(digits)
    steps = method.updates(batch)
    next(steps)
    with torch.no_grad():
        for parameter in method.encoder.parameters():
            parameter.mul_(0.5)
    expected = method.loss(batch)
    torch.testing.assert_close(next(steps).terms["mmd"], expected["mmd"])
    torch.testing.assert_close(next(steps).terms["reconstruction"], expected["reconstruction"])


def test_the_step_of_the_clusters_has_no_gradient_for_the_prototypes(digits: Dataset) -> None:
    method = _method()
    (gradient,) = torch.autograd.grad(
        method.loss(_batch(digits))["mmd"], [method.get_parameter("prototypes.weight")], allow_unused=True
    )
    assert gradient is None


@pytest.mark.parametrize(("epoch", "steps"), [(0, 1), (2, 1), (3, 3), (9, 3)])
def test_the_first_epochs_reconstruct_and_nothing_else(digits: Dataset, epoch: int, steps: int) -> None:
    method = _method(warmup_epochs=3)
    method.start_epoch(epoch, digits.data)
    assert len(list(method.updates(_batch(digits)))) == steps


def test_kmeans_puts_the_prototypes_at_the_centers_of_the_codes_once_warm(digits: Dataset) -> None:
    method = _method(warmup_epochs=2, initialization="kmeans", prototypes=5)
    before = _prototypes(method).clone()
    with torch.no_grad():
        method.start_epoch(1, digits.data)
        assert torch.equal(_prototypes(method), before)
        method.start_epoch(2, digits.data)
    codes = encode(method, digits.data.train)
    nearest = torch.cdist(codes, _prototypes(method)).argmin(1)
    means = torch.stack([codes[nearest == k].mean(0) for k in range(5)])
    torch.testing.assert_close(_prototypes(method), means, atol=1e-3, rtol=1e-3)


def test_the_prior_is_the_equal_weight_mixture_around_the_prototypes() -> None:
    method, z = _method(prototypes=3, noise=0.7), torch.randn(20, 6)
    parts = [stats.norm.pdf(z, v, 0.7).prod(1) for v in _prototypes(method).numpy()]
    np.testing.assert_allclose(method.prior().log_prob(z).detach(), np.log(np.mean(parts, axis=0)), rtol=1e-4)


def test_trained_codes_are_shared_equally_among_the_prototypes(digits: Dataset) -> None:
    method = _trained(digits).method
    codes = encode(method, digits.data.train)
    nearest = (codes @ _prototypes(method).mT).argmax(1)
    shares = nearest.bincount(minlength=10) / len(codes)
    # A tenth each in every batch, up to the epsilon and the moving encoder.
    assert shares.min() > 0.04
    assert shares.max() < 0.2


def test_it_reconstructs_nearly_as_well_as_an_autoencoder_and_better_than_a_vae(digits: Dataset) -> None:
    own, ae, vae = (
        _trained(digits, method).epoch()["train/reconstruction"] for method in ("prototypical_vae", "ae", "vae")
    )
    assert own - ae < 0.25 * (vae - ae)


def test_more_prototypes_than_rows_cannot_start_from_kmeans() -> None:
    with pytest.raises(BadInput, match=r"prototypes must be at most the number of rows \(9\)"):
        _method(rows=9, initialization="kmeans")
    assert len(_prototypes(_method(rows=9))) == 10
