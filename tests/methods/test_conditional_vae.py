from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

import methods
from methods.core.base import Batch, Decoder, Method
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines import datasets, networks
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.neighbors import knn_purity
from pipelines.training import Training
from pipelines.trial import trial


def _method(classes: int = 10) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=classes, likelihood="bernoulli")
    return methods.build("conditional_vae", domain, 3).double()


def _batch(digits: Dataset, rows: int = 20) -> Batch:
    batch = digits.data.train[torch.arange(rows)]
    return Batch(batch.x.double(), batch.grey.double(), batch.index, batch.y)


@functools.cache
def _trained(name: str) -> Method:
    settings = {"method": name, "data": "digits", "network": "mlp", "latent": 8, "epochs": 15, "learning_rate": 3e-3}
    training = Training(trial(settings), datasets.load("digits"), torch.device("cpu"))
    while not training.done:
        training.epoch()
    return training.method.eval()


class Appended(Decoder):
    """A decoder that is given the label of the only class beside every code."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        return self.decoder.log_prob(x, torch.cat([z, torch.ones_like(z[:, :1])], 1))

    def mean(self, z: Tensor) -> Tensor:
        return self.decoder.mean(torch.cat([z, torch.ones_like(z[:, :1])], 1))

    def sample(self, z: Tensor) -> Tensor:
        return torch.bernoulli(self.mean(z))


class OneClass(nn.Module):
    """The statistics of an encoder that is given the label of the only class beside every row."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, x: Tensor) -> Tensor:
        posterior = self.method.posterior(x, torch.zeros(len(x), dtype=torch.long))
        return torch.cat([posterior.mean, posterior.variance.log()], 1)


def test_with_one_class_it_is_the_vae(digits: Dataset) -> None:
    method, whole = _method(classes=1), _batch(digits)
    vae = methods.build("vae", networks.build("mlp", event=(1, 8, 8), rows=9, classes=1, likelihood="bernoulli"), 3)
    vae.encoder, vae.decoder = OneClass(method), Appended(method.decoder)
    batch = Batch(whole.x, whole.grey, whole.index, torch.zeros(20, dtype=torch.long))
    torch.manual_seed(1)
    found = method.loss(batch)
    torch.manual_seed(1)
    expected = vae.loss(batch)
    assert found.keys() == expected.keys()
    assert all(torch.isclose(found[name], expected[name]) for name in expected)


def test_the_reconstruction_is_the_cross_entropy_of_a_code_decoded_in_its_class(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    torch.manual_seed(1)
    found = method.loss(batch)["reconstruction"].item()
    torch.manual_seed(1)
    z = method.posterior(batch.x, batch.y).rsample()
    mean, x = method.decode(z, batch.y).detach().numpy(), batch.x.numpy()
    assert found == pytest.approx(-(x * np.log(mean) + (1 - x) * np.log(1 - mean)).sum((1, 2, 3)).mean())
    assert -method.log_likelihood(batch.x, z, batch.y).mean().item() == pytest.approx(found)


def test_the_rate_is_the_divergence_from_the_standard_normal_of_all_classes(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    posterior = method.posterior(batch.x, batch.y)
    mean, variance = posterior.mean.detach().numpy(), posterior.variance.detach().numpy()
    expected = 0.5 * (mean**2 + variance - 1 - np.log(variance)).sum(1).mean()
    assert method.loss(batch)["rate"].item() == pytest.approx(expected)
    z = torch.randn(5, 3).double()
    expected = stats.multivariate_normal(np.zeros(3), np.eye(3)).logpdf(z)
    np.testing.assert_allclose(method.prior().log_prob(z), expected)


def test_codes_and_what_they_show_depend_on_the_class(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    other = (batch.y + 1) % 10
    z = torch.randn(20, 3).double()
    assert not torch.isclose(method.decode(z, batch.y), method.decode(z, other)).any()
    same, changed = method.posterior(batch.x, batch.y), method.posterior(batch.x, other)
    assert not torch.isclose(same.mean, changed.mean).any()
    assert not torch.isclose(same.variance, changed.variance).any()


@pytest.mark.parametrize("act", ["posterior", "decode", "log_likelihood"])
def test_without_labels_it_says_what_is_missing(act: str, digits: Dataset) -> None:
    method, batch, z = _method(), _batch(digits), torch.randn(20, 3).double()
    arguments = {"posterior": (batch.x,), "decode": (z,), "log_likelihood": (batch.x, z)}[act]
    with pytest.raises(BadInput, match=r"^conditional_vae .* pass their labels y$"):
        getattr(method, act)(*arguments)


def test_draws_of_the_prior_decoded_in_a_class_look_like_that_class(digits: Dataset) -> None:
    method, train = _trained("conditional_vae"), digits.data.train
    reader = LogisticRegression(max_iter=1000).fit(train.grey.flatten(1).numpy(), train.y.numpy())
    y = torch.arange(10).repeat(50)
    with torch.no_grad():
        drawn = method.decode(method.prior().sample(torch.Size([500])), y)
    assert reader.score(drawn.flatten(1).numpy(), y.numpy()) > 0.9


def test_its_codes_leave_the_class_to_the_label(digits: Dataset) -> None:
    test = digits.data.test
    ours, theirs = (knn_purity(encode(_trained(name), test), test.y) for name in ("conditional_vae", "vae"))
    assert ours < 40 < 60 < theirs
