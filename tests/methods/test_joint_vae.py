from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.distributions import Categorical, Independent, Normal, kl_divergence

import methods
from methods.core.base import Batch, Method
from methods.core.codes import encode
from methods.core.errors import BadInput
from methods.joint_vae import categorical_rate
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.training import Training
from pipelines.trial import trial


def _method(latent: int = 7, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("joint_vae", domain, latent, **({"categories": 4} | hyper)).double()


def _batch(digits: Dataset, rows: int = 40) -> Batch:
    x = digits.data.train.x[:rows].double()
    return Batch(x, x, torch.arange(rows))


def test_the_rate_of_the_category_is_the_divergence_from_the_uniform() -> None:
    logits = 3 * torch.randn(50, 6).double()
    expected = kl_divergence(Categorical(logits=logits), Categorical(logits=torch.zeros_like(logits)))
    torch.testing.assert_close(categorical_rate(logits), expected)
    np.testing.assert_allclose(categorical_rate(logits), math.log(6) - stats.entropy(logits.softmax(1), axis=1))


@pytest.mark.parametrize("epoch", [0, 2, 4, 9])
def test_the_terms_are_the_weighted_distances_to_the_capacities(digits: Dataset, epoch: int) -> None:
    method, batch = (
        _method(gamma=7.0, continuous_capacity=3.0, discrete_capacity=1.0, capacity_epochs=4),
        _batch(digits),
    )
    method.start_epoch(epoch, digits.data)
    output, share = method.encoder(batch.x).detach(), min(1, epoch / 4)
    normal = Independent(Normal(output[:, :3], (0.5 * output[:, 3:6]).exp()), 1)
    rate = kl_divergence(normal, Independent(Normal(torch.zeros(3), torch.ones(3)), 1)).mean()
    entropy = stats.entropy(output[:, 6:].softmax(1), axis=1).mean()
    terms = method.loss(batch)
    assert terms["continuous"].item() == pytest.approx(7 * abs(rate.item() - 3 * share), rel=1e-5)
    assert terms["discrete"].item() == pytest.approx(7 * abs(math.log(4) - entropy - share), rel=1e-5)


def test_the_capacity_of_the_category_is_no_larger_than_it_can_hold(digits: Dataset) -> None:
    method = _method(gamma=1.0, discrete_capacity=100.0, capacity_epochs=0)
    rate = categorical_rate(method.encoder(_batch(digits).x)[:, -4:]).mean().item()
    assert method.loss(_batch(digits))["discrete"].item() == pytest.approx(math.log(4) - rate)


def test_with_no_weight_it_is_the_reconstruction_alone(digits: Dataset) -> None:
    terms = _method(gamma=0.0).loss(_batch(digits))
    assert terms["continuous"] == terms["discrete"] == 0


def test_codes_are_continuous_dimensions_and_a_hard_category(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    posterior, output = method.posterior(batch.x), method.encoder(batch.x)
    for codes in (posterior.mean, posterior.sample()):
        assert codes.shape == (40, 7)
        assert codes[:, 3:].sum(1).eq(1).all()
        assert codes[:, 3:].max(1).values.eq(1).all()
    torch.testing.assert_close(posterior.mean[:, :3], output[:, :3])
    assert torch.equal(posterior.mean[:, 3:].argmax(1), output[:, 6:].argmax(1))


def test_the_decoder_is_trained_on_relaxed_categories(digits: Dataset) -> None:
    method, seen = _method(temperature=0.5), []
    method.decoder.log_prob = lambda x, z: seen.append(z) or z.sum(1)  # type: ignore[method-assign]
    method.loss(_batch(digits))
    relaxed = seen[0][:, 3:]
    torch.testing.assert_close(relaxed.sum(1), torch.ones(40).double())
    assert (relaxed.max(1).values < 1).all()


def test_the_prior_has_unit_gaussians_and_equally_probable_categories() -> None:
    draws = _method().prior().sample(torch.Size([20_000]))
    # Kolmogorov-Smirnov and chi-squared tests at 1e-6.
    assert all(stats.kstest(draws[:, i], "norm").pvalue > 1e-6 for i in range(3))
    assert stats.chisquare(draws[:, 3:].sum(0)).pvalue > 1e-6
    expected = stats.norm.logpdf(draws[:, :3]).sum(1) - math.log(4)
    np.testing.assert_allclose(_method().prior().log_prob(draws), expected)


def test_the_prior_sums_and_integrates_to_one() -> None:
    method = _method(latent=4, categories=3)
    axis = torch.arange(-9, 9, 0.05, dtype=torch.double).unsqueeze(1)
    codes = torch.cat([torch.cat([axis, one.expand(len(axis), 3)], 1) for one in torch.eye(3).double()])
    assert method.prior().log_prob(codes).exp().sum().item() * 0.05 == pytest.approx(1, abs=1e-6)


def test_half_of_the_dimensions_are_categories_unless_said() -> None:
    assert _method(latent=20, categories=0).encoder[-1].out_features == 2 * 10 + 10


def test_training_brings_the_rates_to_the_capacities_and_classes_to_categories(digits: Dataset) -> None:
    # 64 pixels tell fewer nats than the paper's 1024, so the weight is smaller.
    hyper = {"gamma": 3.0, "continuous_capacity": 2.0, "discrete_capacity": 2.0, "learning_rate": 3e-3}
    settings = {"method": "joint_vae", "data": "digits", "network": "mlp", "batch_size": 20} | hyper
    training = Training(trial(settings), digits, torch.device("cpu"))
    while not training.done:
        training.epoch()
    method, train, test = training.method, digits.data.train, digits.data.test
    with torch.no_grad():
        terms = method.loss(train[torch.arange(len(train))])
    assert terms["continuous"] / 3 < 0.5
    assert terms["discrete"] / 3 < 0.3
    assert test.y is not None
    found = encode(method, test)[:, 10:].argmax(1)
    members = np.zeros((10, 10))
    np.add.at(members, (found.numpy(), test.y.numpy()), 1)
    # Every category counts for its most frequent class; chance is little above a tenth.
    assert members.max(1).sum() / len(found) > 0.4


@pytest.mark.parametrize(("latent", "categories"), [(4, 4), (4, 1), (2, 0), (3, 9)])
def test_too_few_dimensions_or_categories_are_refused(latent: int, categories: int) -> None:
    with pytest.raises(BadInput, match="joint_vae needs 2 categories or more and a latent size above their number"):
        _method(latent=latent, categories=categories)
