from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, OneHotCategorical

import methods
from methods.core.base import Batch, Data, Method, Split, Terms
from methods.core.distributions import gaussian
from methods.core.mutual_information import mutual_information
from methods.core.product import Product, category
from pipelines import networks
from pipelines.metrics import registry
from pipelines.metrics.mutual_information import log_aggregate
from pipelines.metrics.subject import NotMeasurable, Settings, Subject


class _Given(Method):
    """q(z|x) = N(x, spread^2 I) on data of two values."""

    spread = 0.1

    def loss(self, batch: Batch) -> Terms:
        raise AssertionError("measuring does not train")

    def posterior(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        return gaussian(torch.cat([x, torch.full_like(x, 2 * math.log(self.spread))], 1))


class _Groups(_Given):
    """q(z|x) is certain of one of four categories, the same for a quarter of the data."""

    def posterior(self, x: Tensor, y: Tensor | None = None) -> Distribution:
        numbers = gaussian(torch.zeros(len(x), 2))
        group = (x[:, 0] * 4).long().clamp(0, 3)
        return Product([numbers, category(100 * torch.nn.functional.one_hot(group, 4).float())])


def _measured(kind: type[_Given], x: Tensor, spread: float = 0.1, **settings: int) -> dict[str, float]:
    domain = networks.build("mlp", event=(1, 1, 2), rows=16, classes=2, likelihood="gaussian")
    method = kind(domain, 2)
    method.spread = spread
    # Not the seed that the data are drawn with, whose noise would be the data once more.
    split = Split(x, x)
    subject = Subject(method, Data(split, split, split), Settings(seed=1, **settings))
    return registry.measure(subject, "mutual_information").values


def test_of_gaussian_data_with_gaussian_noise_it_is_the_closed_form() -> None:
    x = torch.randn(4000, 2)
    found = _measured(_Given, x, spread=1.0)["mutual_information"]
    # I = 1/2 log(1 + 1/spread^2) a dimension; one draw a row has a deviation of 1.01, and the mixture of 4000 rows a
    # bias below 0.01: five errors and the bias.
    assert found == pytest.approx(math.log(2), abs=5 * 1.01 / math.sqrt(4000) + 0.01)


def test_far_apart_posteriors_reach_the_logarithm_of_the_number_in_the_mixture() -> None:
    found = _measured(_Given, 1000 * torch.randn(500, 2))
    assert found["mutual_information"] == pytest.approx(math.log(500), abs=1e-3)
    assert found["mutual_information_batch"] == pytest.approx(math.log(50), abs=1e-3)


def test_equal_posteriors_say_nothing() -> None:
    found = _measured(_Given, torch.zeros(300, 2))
    assert found == pytest.approx({"mutual_information": 0, "mutual_information_batch": 0}, abs=1e-5)


def test_of_certain_groups_it_is_their_entropy() -> None:
    found = _measured(_Groups, torch.arange(400).unsqueeze(1).expand(-1, 2) / 400)
    assert found["mutual_information"] == pytest.approx(math.log(4), abs=1e-4)


def test_the_batch_estimate_is_the_mean_over_batches_weighted_by_rows() -> None:
    x = torch.randn(130, 2)
    whole = _measured(_Given, x, batch=200)
    assert whole["mutual_information_batch"] == pytest.approx(whole["mutual_information"], abs=1e-9)
    assert _measured(_Given, x, batch=50)["mutual_information_batch"] < math.log(50) + 1e-6


def test_the_bounds_are_in_the_record() -> None:
    domain = networks.build("mlp", event=(1, 1, 2), rows=16, classes=2, likelihood="gaussian")
    split = Split(torch.randn(130, 2), torch.randn(130, 2))
    found = registry.measure(Subject(_Given(domain, 2), Data(split, split, split)), "mutual_information")
    assert (found.record["bound"], found.record["bound_batch"]) == pytest.approx((math.log(130), math.log(50)))


def test_the_aggregate_of_batches_is_the_brute_force_mixture() -> None:
    statistics, z = torch.randn(30, 4), torch.randn(7, 2)
    mean, log_variance = statistics.double().chunk(2, 1)
    brute = Independent(Normal(mean, (log_variance / 2).exp()), 1).log_prob(z.double().unsqueeze(1)).logsumexp(1)
    found = log_aggregate([gaussian(part) for part in statistics.split(8)], z)
    assert torch.allclose(found, brute - math.log(30))


def test_it_agrees_with_the_estimate_that_methods_use_in_training() -> None:
    x = torch.randn(2000, 2)
    posterior = gaussian(torch.cat([x, torch.zeros(2000, 2)], 1))
    # Both draw one code a row: five errors of the difference.
    assert _measured(_Given, x, spread=1.0)["mutual_information"] == pytest.approx(
        mutual_information(posterior).item(), abs=5 * 1.01 * math.sqrt(2 / 2000)
    )


def test_a_deterministic_code_has_none() -> None:
    domain = networks.build("mlp", event=(1, 2, 2), rows=16, classes=2, likelihood="bernoulli")
    split = Split(torch.rand(8, 1, 2, 2), torch.rand(8, 1, 2, 2))
    with pytest.raises(NotMeasurable, match="no density"):
        registry.measure(Subject(methods.build("ae", domain, 2), Data(split, split, split)), "mutual_information")


def test_categories_are_recognized_as_what_they_are() -> None:
    assert isinstance(category(torch.zeros(3)), OneHotCategorical)
