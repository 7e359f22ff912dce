"""The import hook of `conftest.py`, which checks shapes wherever a test calls the packages."""

from __future__ import annotations

import pytest
import torch

from methods.core.base import Batch, Split
from methods.core.losses import ks_distance
from pipelines.networks.likelihoods import build

pytest.importorskip("beartype", reason="shapes are checked where beartype is installed")


def test_a_tensor_of_the_wrong_shape_is_an_error() -> None:
    with pytest.raises(Exception, match=r"latent"):
        ks_distance(torch.zeros(5, 2), torch.zeros(3, 4), 1.0)


def test_the_event_of_a_batch_is_the_same_in_all_its_fields() -> None:
    with pytest.raises(Exception, match=r"grey"):
        Batch(torch.zeros(3, 1, 8, 8), torch.zeros(3, 1, 7, 8), torch.arange(3))


def test_labels_are_whole_numbers_one_for_each_row() -> None:
    with pytest.raises(Exception, match=r"y"):
        Split(torch.zeros(3, 1, 8, 8), torch.zeros(3, 1, 8, 8), torch.zeros(3))


def test_pipelines_are_checked_as_methods_are() -> None:
    decoder = build("bernoulli", torch.nn.Linear(2, 4), (1, 2, 2))
    with pytest.raises(Exception, match=r"z"):
        decoder.log_prob(torch.zeros(3, 1, 2, 2), torch.zeros(4, 2))
