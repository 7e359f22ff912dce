from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

import methods
from methods.core.base import Data
from pipelines import datasets, networks
from pipelines.metrics import registry
from pipelines.metrics.classification import knn_accuracies, linear_probe
from pipelines.metrics.metric import NEIGHBORS
from pipelines.metrics.subject import NotMeasurable, Settings, Subject


def _digits() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    data = datasets.load_once("digits").data
    known, asked = ((split.grey.flatten(1), split.y) for split in (data.train, data.test))
    return known, asked


def _subject(name: str, split: str = "test") -> Subject:
    dataset = datasets.load_once("digits")
    torch.manual_seed(0)
    domain = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")
    return Subject(methods.build(name, domain, 10), dataset.data, Settings(split=split))


@pytest.mark.parametrize("k", [3, 8, 15])
def test_neighbors_vote_as_in_sklearn(k: int) -> None:
    known, asked = _digits()
    classifier = KNeighborsClassifier(k).fit(known[0].numpy(), known[1].numpy())
    expected = classifier.score(asked[0].numpy(), asked[1].numpy())
    assert knn_accuracies(known, asked, (k, 15))[k] == pytest.approx(expected, abs=1e-12)


def test_a_draw_goes_to_the_class_with_the_smallest_number() -> None:
    known = torch.tensor([[0.0], [1.0]]), torch.tensor([3, 1])
    assert knn_accuracies(known, (torch.tensor([[0.1]]), torch.tensor([1])), (2,)) == {2: 1.0}


def test_the_linear_probe_is_logistic_regression_on_standardized_codes() -> None:
    known, asked = _digits()
    center, spread = known[0].mean(0), known[0].std(0, correction=0)
    spread[spread == 0] = 1
    probe = LogisticRegression(max_iter=1000).fit((known[0] - center) / spread, known[1])
    assert linear_probe(known, asked) == pytest.approx(probe.score((asked[0] - center) / spread, asked[1]), abs=0.003)


def test_codes_that_say_nothing_classify_by_chance() -> None:
    labels = torch.arange(1000) % 2
    known, asked = (torch.randn(1000, 3), labels), (torch.randn(1000, 3), labels)
    # 1000 coin flips: five deviations.
    assert linear_probe(known, asked) == pytest.approx(0.5, abs=5 * 0.5 / 1000**0.5)


def test_a_test_is_answered_from_training_and_validation_rows() -> None:
    subject = _subject("ae")
    found = registry.measure(subject, "classification")
    assert found.record["known_rows"] == len(subject.data.train) + len(subject.data.valid)
    assert set(found.values) == {*(f"knn_accuracy_{k}" for k in NEIGHBORS), "linear_probe"}


def test_a_validation_is_answered_from_training_rows() -> None:
    subject = _subject("ae", "valid")
    assert registry.measure(subject, "classification").record["known_rows"] == len(subject.data.train)


def test_training_rows_are_not_asked_about() -> None:
    with pytest.raises(NotMeasurable, match="themselves"):
        registry.measure(_subject("ae", "train"), "classification")


@pytest.mark.parametrize(("name", "sees"), [("vae", False), ("conditional_vae", True)])
def test_the_record_says_whether_the_encoder_was_told_the_label(name: str, sees: bool) -> None:
    assert registry.measure(_subject(name), "classification").record["codes_see_labels"] is sees


def test_data_without_labels_are_not_classified() -> None:
    subject = _subject("vae")
    x = subject.split.grey
    unlabeled = type(subject.split)(x, x)
    with pytest.raises(NotMeasurable, match="no labels"):
        registry.measure(Subject(subject.method, Data(unlabeled, unlabeled, unlabeled)), "classification")
