from __future__ import annotations

import pytest
import torch
from torch import nn

from pipelines.metrics.isolation import isolated


def _network() -> nn.Sequential:
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2)))
    network.train()
    network[2].eval()
    return network


def _modes(network: nn.Module) -> list[bool]:
    return [part.training for part in network.modules()]


def test_every_part_is_in_evaluation_mode_inside_and_in_its_own_mode_after() -> None:
    network = _network()
    before = _modes(network)
    with isolated(network, 0):
        assert not any(_modes(network))
    assert _modes(network) == before
    assert True in before
    assert False in before


def test_modes_and_random_state_are_restored_after_an_error() -> None:
    network = _network()
    before, state = _modes(network), torch.get_rng_state()
    with pytest.raises(RuntimeError), isolated(network, 0):
        network(torch.rand(3, 5))
    assert _modes(network) == before
    assert torch.equal(torch.get_rng_state(), state)


def test_the_outer_random_numbers_go_on_as_if_nothing_had_been_drawn() -> None:
    network = _network()
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    first = torch.rand(2)
    with isolated(network, 5):
        torch.rand(100)
    assert torch.equal(torch.cat([first, torch.rand(2)]), expected)


def test_the_inner_random_numbers_are_the_seeds() -> None:
    with isolated(_network(), 5):
        inner = torch.rand(4)
    assert torch.equal(inner, torch.rand(4, generator=torch.Generator().manual_seed(5)))


def test_there_are_no_gradients_inside() -> None:
    network = _network()
    with isolated(network, 0):
        assert not network(torch.rand(3, 2)).requires_grad
    assert torch.is_grad_enabled()
