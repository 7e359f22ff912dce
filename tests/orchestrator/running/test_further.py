"""Metrics that a study wants of its replicates."""

from __future__ import annotations

import pytest
import torch

from orchestrator.definition.study import Study
from orchestrator.running.further import further
from pipelines.datasets.dataset import Dataset
from pipelines.metrics.registry import measure
from pipelines.metrics.subject import Subject
from pipelines.training import Training


@pytest.fixture(scope="module")
def training(digits: Dataset) -> Training:
    study = Study(data="digits", methods=["vae"], fixed={"network": "mlp", "latent": 2, "epochs": 1})
    found = Training(study.trial("vae", {}, seed=0), digits, torch.device("cpu"))
    found.epoch()
    return found


def test_a_group_is_measured_as_evaluate_measures_it(training: Training, digits: Dataset) -> None:
    alone = measure(Subject(training.method, digits.data, checksum=digits.checksum), "activity").values
    assert further(["effective_dimensions"], training, digits.checksum, []) == alone


def test_seconds_of_an_epoch_are_means_over_reports(training: Training, digits: Dataset) -> None:
    history = [{"epoch": 1, "seconds": 1.0}, {"epoch": 2, "seconds": 2.0}, {"epoch": 3}]
    assert further(["training"], training, digits.checksum, history)["seconds_per_epoch"] == 1.5


def test_what_a_method_does_not_have_is_left_out(training: Training, digits: Dataset) -> None:
    assert further(["class_axes", "training"], training, digits.checksum, []) == {}


def test_what_every_trial_measures_is_not_measured_again(training: Training, digits: Dataset) -> None:
    assert further(["bce"], training, digits.checksum, []) == {}
