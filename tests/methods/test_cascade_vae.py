from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.distributions import Independent, Normal, kl_divergence

import methods
from methods.core.base import Batch, Method
from methods.core.codes import encode
from methods.core.errors import BadInput
from pipelines import networks
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.clustering import hungarian_accuracy
from pipelines.training import Training
from pipelines.trial import trial


def _method(latent: int = 7, network: str = "mlp", size: int = 8, **hyper: object) -> Method:
    domain = networks.build(network, event=(1, size, size), rows=1000, classes=10, likelihood="bernoulli")
    return methods.build("cascade_vae", domain, latent, **({"categories": 4} | hyper)).double()


def _batch(digits: Dataset, rows: int = 20) -> Batch:
    x = digits.data.train.x[:rows].double()
    return Batch(x, x, torch.arange(rows))


def _at(method: Method, epoch: int, digits: Dataset) -> Method:
    method.start_epoch(epoch, digits.data)
    return method


def _sampled(method: Method, batch: Batch) -> tuple[dict[str, float], Tensor]:
    """The objective, and the continuous codes that it was taken at."""
    torch.manual_seed(1)
    terms = {name: term.item() for name, term in method.loss(batch).items()}
    torch.manual_seed(1)
    mean, log_variance = method.encoder(batch.x).detach().chunk(2, 1)
    return terms, mean + (0.5 * log_variance).exp() * torch.randn_like(mean)


@pytest.mark.parametrize(("epoch", "opened"), [(0, 1), (2, 1), (3, 2), (7, 3), (100, 3)])
def test_dimensions_open_one_after_the_other_and_cost_less_then(digits: Dataset, epoch: int, opened: int) -> None:
    method = _at(_method(open_beta=0.5, closed_beta=20.0, stage_epochs=3), epoch, digits)
    batch = _batch(digits)
    mean, log_variance = method.encoder(batch.x).chunk(2, 1)
    rates = kl_divergence(
        Normal(mean, (0.5 * log_variance).exp()), Normal(torch.zeros_like(mean), torch.ones_like(mean))
    )
    betas = torch.tensor([0.5 if dimension < opened else 20.0 for dimension in range(3)]).double()
    assert method.loss(batch)["rate"].item() == pytest.approx((rates * betas).sum(1).mean().item())


def test_before_its_stage_the_category_is_the_zero_vector(digits: Dataset) -> None:
    method, batch = _at(_method(category_stage=2, stage_epochs=3), 5, digits), _batch(digits)
    terms, z = _sampled(method, batch)
    code = torch.cat([z, torch.zeros(20, 4)], 1)
    assert terms["reconstruction"] == pytest.approx(-method.decoder.log_prob(batch.x, code).mean().item())


@pytest.mark.parametrize("crowding", [0.0, 0.4])
def test_from_its_stage_on_no_other_assignment_is_cheaper(digits: Dataset, crowding: float) -> None:
    """Against all 3^6 assignments of six rows."""
    method = _method(latent=5, categories=3, category_stage=2, stage_epochs=3, crowding=crowding)
    batch = _batch(digits, rows=6)
    terms, z = _sampled(_at(method, 6, digits), batch)
    costs = np.stack(
        [
            -method.decoder.log_prob(batch.x, torch.cat([z, one.expand(6, 3)], 1)).detach().numpy()
            for one in torch.eye(3).double()
        ]
    )
    totals = {}
    for chosen in itertools.product(range(3), repeat=6):
        pairs = sum(a == b for a, b in itertools.permutations(chosen, 2))
        reconstruction = sum(costs[k, row] for row, k in enumerate(chosen))
        totals[reconstruction + crowding * pairs] = reconstruction / 6
    assert terms["reconstruction"] == pytest.approx(totals[min(totals)])


def test_the_posterior_of_the_category_follows_from_the_decoder(digits: Dataset) -> None:
    method, batch = _method(), _batch(digits)
    posterior = method.posterior(batch.x)
    mean = method.encoder(batch.x)[:, :3]
    scores = torch.stack(
        [method.decoder.log_prob(batch.x, torch.cat([mean, one.expand(20, 4)], 1)) for one in torch.eye(4).double()], 1
    )
    assert torch.equal(posterior.mean[:, 3:].argmax(1), scores.argmax(1))
    code = posterior.sample()
    expected = Independent(Normal(mean, posterior.variance[:, :3].sqrt()), 1).log_prob(code[:, :3])
    expected = expected + (scores.log_softmax(1) * code[:, 3:]).sum(1)
    torch.testing.assert_close(posterior.log_prob(code), expected)


def test_codes_are_continuous_dimensions_and_a_hard_category(digits: Dataset) -> None:
    posterior = _method().posterior(_batch(digits).x)
    for codes in (posterior.mean, posterior.sample()):
        assert codes.shape == (20, 7)
        assert codes[:, 3:].sum(1).eq(1).all()
        assert codes[:, 3:].max(1).values.eq(1).all()


def test_the_prior_has_unit_gaussians_and_equally_probable_categories() -> None:
    prior = _method().prior()
    draws = prior.sample(torch.Size([20_000]))
    # Kolmogorov-Smirnov and chi-squared tests at 1e-6.
    assert all(stats.kstest(draws[:, i], "norm").pvalue > 1e-6 for i in range(3))
    assert stats.chisquare(draws[:, 3:].sum(0)).pvalue > 1e-6
    np.testing.assert_allclose(prior.log_prob(draws), stats.norm.logpdf(draws[:, :3]).sum(1) - math.log(4))


def test_choosing_a_category_leaves_the_statistics_of_batch_norm_alone() -> None:
    method, x = _method(network="conv", size=28, category_stage=0), torch.rand(5, 1, 28, 28).double()
    before = {name: value.clone() for name, value in method.decoder.named_buffers()}
    assert before
    method.posterior(x)
    assert all(torch.equal(value, before[name]) for name, value in method.decoder.named_buffers())
    assert all(part.training for part in method.decoder.modules())


def test_with_one_stage_and_no_category_in_it_the_objective_is_the_beta_vaes(digits: Dataset) -> None:
    method, batch = _method(latent=4, categories=3, open_beta=2.5, category_stage=9), _batch(digits)
    terms, z = _sampled(method, batch)
    mean, log_variance = method.encoder(batch.x).chunk(2, 1)
    rate = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    assert terms["rate"] == pytest.approx(2.5 * rate.item())
    code = torch.cat([z, torch.zeros(20, 3)], 1)
    assert terms["reconstruction"] == pytest.approx(-method.decoder.log_prob(batch.x, code).mean().item())


def test_the_opened_and_the_category_are_part_of_the_state(digits: Dataset) -> None:
    method, again = _at(_method(), 30, digits), _method()
    again.load_state_dict(method.state_dict())
    assert _sampled(again, _batch(digits))[0] == _sampled(method, _batch(digits))[0]


def test_training_finds_the_classes(digits: Dataset) -> None:
    settings = {"method": "cascade_vae", "data": "digits", "network": "mlp", "latent": 16, "categories": 10}
    training = Training(
        trial(settings | {"batch_size": 20, "learning_rate": 3e-3, "epochs": 20}), digits, torch.device("cpu")
    )
    while not training.done:
        training.epoch()
    test = digits.data.test
    assert test.y is not None
    found = encode(training.method.eval(), test)[:, 6:].argmax(1)
    # k-means on the pixels themselves reaches about 0.8, chance a little above 0.1.
    assert hungarian_accuracy(found, test.y) > 0.55


@pytest.mark.parametrize(("latent", "categories"), [(4, 4), (4, 1), (2, 0), (3, 9)])
def test_too_few_dimensions_or_categories_are_refused(latent: int, categories: int) -> None:
    with pytest.raises(BadInput, match="cascade_vae needs 2 categories or more and a latent size above their number"):
        _method(latent=latent, categories=categories)
