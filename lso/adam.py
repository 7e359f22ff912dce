"""Adam for a batch of codes that shrinks as codes come to rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Adam:
    """Adam's state for codes that all started at the same time.

    torch's own keeps its state by parameter, so no row could leave the batch.

    Source: Kingma and Ba 2015, Algorithm 1, with its default decay rates.

    Attributes:
        rows: numbers of the codes.
        z: the codes, ready for gradients.
        first: running means of the gradients.
        second: running means of their squares.
    """

    rows: Int[Tensor, " R"]
    z: Float[Tensor, "R latent"]
    first: Float[Tensor, "R latent"]
    second: Float[Tensor, "R latent"]

    @classmethod
    def start(cls, z: Float[Tensor, "R latent"]) -> Adam:
        """Before the first step. `z` itself is never changed."""
        rows = torch.arange(len(z), device=z.device)
        return cls(rows, z.detach().clone().requires_grad_(), torch.zeros_like(z), torch.zeros_like(z))

    def __len__(self) -> int:
        return len(self.rows)

    def keep(self, which: Bool[Tensor, " R"]) -> Adam:
        """The state of some of the codes."""
        z = self.z.detach()[which].requires_grad_()
        return Adam(self.rows[which], z, self.first[which], self.second[which])

    @torch.no_grad()
    def step(self, gradient: Float[Tensor, "R latent"], number: int, learning_rate: float) -> None:
        """Take step `number`, counted from 1, in place."""
        self.first.lerp_(gradient, 1 - _FIRST)
        self.second.mul_(_SECOND).addcmul_(gradient, gradient, value=1 - _SECOND)
        denominator = self.second.sqrt().div_(math.sqrt(1 - _SECOND**number)).add_(_EPSILON)
        self.z.addcdiv_(self.first, denominator, value=-learning_rate / (1 - _FIRST**number))
