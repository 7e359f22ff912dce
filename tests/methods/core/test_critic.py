from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch import nn

from methods.core.critic import critic, critic_loss


def test_the_loss_is_the_cross_entropy_of_equally_frequent_kinds() -> None:
    first, second = torch.randn(8, 1).double(), torch.randn(8, 1).double()
    probabilities = torch.cat([first, second]).sigmoid().squeeze(1)
    expected = log_loss([1] * 8 + [0] * 8, probabilities)
    assert critic_loss(first, second).item() == pytest.approx(expected)


def test_a_critic_that_knows_nothing_loses_log_2() -> None:
    assert critic_loss(torch.zeros(3, 1), torch.zeros(5, 1)).item() == pytest.approx(math.log(2))


def test_sure_verdicts_do_not_overflow() -> None:
    sure = torch.full((1, 1), 1e4)
    assert critic_loss(sure, -sure) == 0
    assert critic_loss(-sure, sure).item() == pytest.approx(1e4)


def test_a_trained_critic_gives_the_log_ratio_of_the_densities() -> None:
    """Between N(1, 1) and N(0, 1) it is z - 1/2."""
    network = critic(1, 32, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(150):
        z = torch.randn(2, 500, 1)
        optimizer.zero_grad()
        critic_loss(network(z[0] + 1), network(z[1])).backward()
        optimizer.step()
    z = torch.linspace(-1, 2, 20).unsqueeze(1)
    np.testing.assert_allclose(network(z).detach(), z - 0.5, atol=0.4)


@pytest.mark.parametrize("layers", [1, 3])
def test_it_has_as_many_hidden_layers_as_asked_for(layers: int) -> None:
    linear = [module for module in critic(4, 7, layers) if isinstance(module, nn.Linear)]
    assert [module.out_features for module in linear] == [7] * layers + [1]
