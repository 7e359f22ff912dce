"""Gradient steps on parts of a method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

ALGORITHMS = ("adam", "adamw", "adam_norm_grad")

_Tensors = list[Tensor] | tuple[Tensor, ...]
_Adjustment = Callable[[_Tensors], _Tensors]


class Optimizers:
    """Adam for every set of parts that a method asks to update.

    Gradients are taken with respect to the named parts alone, so nothing leaks into the others and nothing has to be
    zeroed. Every set of parts has moments of its own, since their objectives differ in scale.

    Args:
        module: the method.
        learning_rate: of every optimizer.
        algorithm: `adam` (Kingma and Ba 2015), `adamw` (Loshchilov and Hutter 2019), or `adam_norm_grad`, which is Adam
            on `normalized` gradients: the authors' code of VampPrior, Exemplar-VAE and ByPE-VAE.
        weight_decay: of `adamw`, decoupled from the gradient; of the others, added to the gradient as weight_decay
            times the weight, after normalization.
        clip: the most that the norm of all gradients of a step may be, 0 for no limit. Without effect where gradients
            are normalized after.
    """

    def __init__(
        self,
        module: nn.Module,
        learning_rate: float,
        *,
        algorithm: str = "adam",
        weight_decay: float = 0.0,
        clip: float = 0.0,
    ) -> None:
        self._module = module
        self._learning_rate = learning_rate
        self._algorithm, self._weight_decay = algorithm, weight_decay
        self._adjustments: list[_Adjustment] = [lambda gradients: clipped(gradients, clip)] if clip else []
        if algorithm == "adam_norm_grad":
            self._adjustments.append(normalized)
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
        if self._adjustments:
            self._adjust(parameters)
        self._optimizers[parts].step()
        for parameter in parameters:
            parameter.grad = None

    def set_learning_rate(self, learning_rate: float) -> None:
        """Set the rate of every optimizer, those to come included."""
        self._learning_rate = learning_rate
        for optimizer in self._optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = learning_rate

    def reset(self) -> None:
        """Forget all moments."""
        self._optimizers.clear()

    def state_dict(self) -> dict[str, Any]:
        return {"+".join(parts): optimizer.state_dict() for parts, optimizer in self._optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over all moments. The learning rate and the weight decay stay what they are here."""
        self.reset()
        for name, part in state.items():
            parts = tuple(name.split("+"))
            self._create(parts)
            self._optimizers[parts].load_state_dict(part)
            for group in self._optimizers[parts].param_groups:
                group |= {"lr": self._learning_rate, "weight_decay": self._weight_decay}

    def _adjust(self, parameters: Sequence[nn.Parameter]) -> None:
        reached = [parameter for parameter in parameters if parameter.grad is not None]
        gradients: _Tensors = [parameter.grad for parameter in reached if parameter.grad is not None]
        for adjustment in self._adjustments:
            gradients = adjustment(gradients)
        for parameter, gradient in zip(reached, gradients, strict=True):
            parameter.grad = gradient

    def _create(self, parts: tuple[str, ...]) -> None:
        found = [parameter for part in parts for parameter in self._module.get_submodule(part).parameters()]
        self._parameters[parts] = list(dict.fromkeys(found))
        kind = torch.optim.AdamW if self._algorithm == "adamw" else torch.optim.Adam
        self._optimizers[parts] = kind(
            self._parameters[parts], lr=self._learning_rate, weight_decay=self._weight_decay, fused=True
        )


# New tensors, not in place: autograd may hand out one tensor as the gradient of several parameters.


def normalized(gradients: _Tensors) -> _Tensors:
    """Every gradient divided by its own Euclidean norm + 1e-7.

    Adam's steps then depend on a loss's scale only as far as 1e-7 counts beside the norms.
    Source: the authors' code of Tomczak and Welling 2018 (utils/optimizer.py).
    """
    return torch._foreach_div(gradients, torch._foreach_add(torch._foreach_norm(gradients), 1e-7))


def clipped(gradients: _Tensors, most: float) -> _Tensors:
    """Gradients scaled by one factor, such that the norm of all together is at most `most` (Pascanu et al. 2013)."""
    if not gradients:
        return gradients
    norm = torch.stack(torch._foreach_norm(gradients)).norm()
    factor: Tensor = (most / (norm + 1e-6)).clamp(max=1.0)
    return torch._foreach_mul(gradients, factor)
