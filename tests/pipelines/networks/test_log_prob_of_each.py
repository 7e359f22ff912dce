"""Several data under one code, against every pair on its own."""

from __future__ import annotations

import pytest
import torch

from methods.core.base import Decoder
from pipelines.networks import likelihoods


@pytest.mark.parametrize("likelihood", likelihoods.names())
def test_each_pair_has_the_log_probability_that_it_has_alone(likelihood: str) -> None:
    values = torch.nn.Linear(3, 6 * likelihoods.outputs_per_value(likelihood)).double()
    decoder: Decoder = likelihoods.build(likelihood, values, (1, 2, 3)).double()
    x, z = torch.rand(5, 4, 1, 2, 3).double(), 3 * torch.randn(5, 3).double()
    expected = torch.stack([decoder.log_prob(x[:, j], z) for j in range(4)], 1)
    torch.testing.assert_close(decoder.log_prob_of_each(x, z), expected)
