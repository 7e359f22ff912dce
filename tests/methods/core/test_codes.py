from __future__ import annotations

import pytest
import torch

import methods
from methods.core.base import Split
from methods.core.codes import encode
from pipelines import networks
from pipelines.datasets.dataset import Dataset

DOMAIN = networks.build("mlp", event=(1, 8, 8), rows=1000, classes=10, likelihood="bernoulli")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_codes_are_posterior_means_whatever_the_size_of_batches(digits: Dataset, size: int) -> None:
    method, split = methods.build("vae", DOMAIN, 4), digits.data.test.head(20)
    expected = method.posterior(split.x).mean.detach()
    torch.testing.assert_close(encode(method, split, size=size), expected)


def test_codes_are_of_the_grey_rows(digits: Dataset) -> None:
    method, split = methods.build("vae", DOMAIN, 4), digits.data.test.head(20)
    binarized = Split(split.x.round(), split.grey, split.y)
    assert torch.equal(encode(method, binarized), encode(method, split))


def test_codes_carry_no_gradients(digits: Dataset) -> None:
    assert not encode(methods.build("vae", DOMAIN, 4), digits.data.test.head(20)).requires_grad
