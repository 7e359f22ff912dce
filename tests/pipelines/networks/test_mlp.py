from __future__ import annotations

import pytest
import torch

from pipelines.networks.mlp import MLP


@pytest.mark.parametrize("event", [(1, 28, 28), (3, 4, 5), (1, 1, 12)])
def test_it_takes_images_of_any_shape(event: tuple[int, ...]) -> None:
    domain = MLP(event, 10, 0)
    assert domain.encoder(7)(torch.rand(3, *event)).shape == (3, 7)
    assert domain.decoder(7).mean(torch.randn(3, 7)).shape == (3, *event)


def test_it_has_one_hidden_layer_of_400_units_on_either_side() -> None:
    domain = MLP((1, 28, 28), 10, 0)
    shapes = [tuple(p.shape) for module in (domain.encoder(20), domain.generator(20)) for p in module.parameters()]
    assert shapes == [(400, 784), (400,), (20, 400), (20,), (400, 20), (400,), (784, 400), (784,)]
