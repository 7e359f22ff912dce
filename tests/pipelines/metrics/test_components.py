from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution

import methods
from methods.core.base import Data, Method
from methods.core.distributions import mixture, standard_normal
from methods.core.gaussian_mixture import GaussianMixture
from methods.core.product import Product, category
from pipelines import datasets, networks
from pipelines.metrics import registry
from pipelines.metrics.class_axes import argmax_accuracy
from pipelines.metrics.components import component_scores
from pipelines.metrics.subject import NotMeasurable, Subject

MEANS = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
WEIGHTS = torch.tensor([0.2, 0.3, 0.5])


def _responsibilities(z: Tensor) -> Tensor:
    """By Bayes' rule, in double precision."""
    z = z.double()
    densities = (-0.5 * (z.unsqueeze(1) - MEANS.double()).square().sum(2)).exp() * WEIGHTS.double()
    return densities / densities.sum(1, keepdim=True)


@pytest.mark.parametrize(
    "prior", [mixture(WEIGHTS, MEANS, 1.0), GaussianMixture(WEIGHTS.log(), MEANS, torch.ones(1, 2))]
)
def test_scores_are_responsibilities_up_to_a_constant(prior: Distribution) -> None:
    z = 3 * torch.randn(50, 2)
    scores = component_scores(prior, z)
    assert scores is not None
    assert torch.allclose(scores.softmax(1).double(), _responsibilities(z), atol=1e-5)


def test_the_component_of_a_product_is_its_category() -> None:
    prior = Product([standard_normal(2, like=torch.zeros(1)), category(torch.zeros(3))])
    codes = torch.tensor([[9.0, 8.0, 0.0, 0.0, 1.0], [9.0, 8.0, 1.0, 0.0, 0.0]])
    scores = component_scores(prior, codes)
    assert scores is not None
    assert scores.argmax(1).tolist() == [2, 0]


def test_a_normal_prior_has_no_components() -> None:
    assert component_scores(standard_normal(2, like=torch.zeros(1)), torch.zeros(3, 2)) is None


def _subject(method: Method) -> Subject:
    return Subject(method, datasets.load_once("digits").data)


def _method(name: str, **hyper: object) -> Method:
    domain = networks.build("mlp", event=(1, 8, 8), rows=1297, classes=10, likelihood="bernoulli")
    torch.manual_seed(0)
    return methods.build(name, domain, 12, **hyper)


@pytest.mark.parametrize("name", ["lambda_hot_vae", "kmeans_vae", "gmm_dae", "joint_vae"])
def test_methods_with_few_components_have_both_accuracies(name: str) -> None:
    found = registry.measure(_subject(_method(name)), "components").values
    assert 0 < found["component_accuracy"] <= found["component_accuracy_majority"] <= 1


@pytest.mark.parametrize(("name", "reason"), [("vae", "no components"), ("exemplar_vae", "1297 components")])
def test_other_methods_have_a_reason(name: str, reason: str) -> None:
    with pytest.raises(NotMeasurable, match=reason):
        registry.measure(_subject(_method(name)), "components")


def test_argmax_accuracy_looks_at_the_class_axes_alone() -> None:
    codes = torch.tensor([[1.0, 0.0, 9.0], [0.0, 1.0, 9.0], [2.0, 1.0, 9.0], [5.0, 6.0, 0.0]])
    assert argmax_accuracy(codes, torch.tensor([0, 1, 1, 1]), classes=2) == 0.75


def test_lambda_hot_has_argmax_accuracies_and_the_vae_has_none() -> None:
    found = registry.measure(_subject(_method("lambda_hot_vae")), "class_axes").values
    assert set(found) == {"argmax_accuracy", "argmax_accuracy_sampled"}
    with pytest.raises(NotMeasurable, match="no axes"):
        registry.measure(_subject(_method("vae")), "class_axes")


def test_without_labels_components_are_no_classes() -> None:
    method = _method("lambda_hot_vae")
    x = torch.rand(20, 1, 8, 8)
    split = type(datasets.load_once("digits").data.test)(x, x)
    with pytest.raises(NotMeasurable, match="no labels"):
        registry.measure(Subject(method, Data(split, split, split)), "components")
