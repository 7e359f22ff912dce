from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pipelines.networks.gated_mlp import Gated, GatedMLP


@pytest.mark.parametrize("event", [(1, 28, 28), (3, 4, 5), (1, 28, 20)])
def test_it_takes_images_of_any_shape(event: tuple[int, ...]) -> None:
    domain = GatedMLP(event, 10, 0)
    assert domain.encoder(7)(torch.rand(3, *event)).shape == (3, 7)
    assert domain.decoder(7).mean(torch.randn(3, 7)).shape == (3, *event)


def test_a_gated_layer_is_an_affine_map_times_the_sigmoid_of_another() -> None:
    layer, x = Gated(5, 3), torch.randn(7, 5)
    weight, bias = layer.affine.weight, layer.affine.bias
    expected = (x @ weight[:3].mT + bias[:3]) / (1 + (-(x @ weight[3:].mT + bias[3:])).exp())
    torch.testing.assert_close(layer(x), expected)


def test_it_has_two_hidden_layers_of_300_units_on_either_side() -> None:
    domain = GatedMLP((1, 28, 28), 10, 0)
    shapes = [tuple(p.shape) for p in domain.encoder(40).parameters()]
    assert shapes == [(600, 784), (600,), (600, 300), (600,), (40, 300), (40,)]
    shapes = [tuple(p.shape) for p in domain.generator(40).parameters()]
    assert shapes == [(600, 40), (600,), (600, 300), (600,), (784, 300), (784,)]


def test_all_weights_start_with_a_variance_of_two_over_the_inputs() -> None:
    domain = GatedMLP((1, 28, 28), 10, 0)
    layers = [*domain.encoder(40).modules(), *domain.generator(40).modules()]
    for layer in layers:
        if isinstance(layer, nn.Linear):
            scaled = layer.weight * math.sqrt(layer.in_features / 2)
            # The variance of n independent normals has a standard error of sqrt(2 / n); five of them.
            assert scaled.var().item() == pytest.approx(1, abs=5 * math.sqrt(2 / scaled.numel()))
