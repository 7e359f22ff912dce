"""Gradient steps on parts of a method."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Optimizers:
    """Adam for every set of parts that a method asks to update.

    Gradients are taken with respect to the named parts alone, so nothing leaks into the others and nothing has to be
    zeroed. Every set of parts has moments of its own, since their objectives differ in scale.

    Args:
        module: the method.
        learning_rate: of every optimizer.
    """

    def __init__(self, module: nn.Module, learning_rate: float) -> None:
        self._module = module
        self._learning_rate = learning_rate
        self._optimizers: dict[tuple[str, ...], torch.optim.Optimizer] = {}
        self._parameters: dict[tuple[str, ...], list[nn.Parameter]] = {}

    def step(self, objective: Tensor, parts: tuple[str, ...]) -> None:
        """One step down the gradient of `objective` (a scalar)."""
        if parts not in self._optimizers:
            self._create(parts)
        parameters = self._parameters[parts]
        gradients = torch.autograd.grad(objective, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            # Expanded or transposed gradients are misread by Adam's fused kernel.
            parameter.grad = None if gradient is None else gradient.contiguous()
        self._optimizers[parts].step()
        for parameter in parameters:
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"+".join(parts): optimizer.state_dict() for parts, optimizer in self._optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in state.items():
            parts = tuple(name.split("+"))
            self._create(parts)
            self._optimizers[parts].load_state_dict(part)

    def _create(self, parts: tuple[str, ...]) -> None:
        found = [parameter for part in parts for parameter in self._module.get_submodule(part).parameters()]
        self._parameters[parts] = list(dict.fromkeys(found))
        self._optimizers[parts] = torch.optim.Adam(self._parameters[parts], lr=self._learning_rate, fused=True)
