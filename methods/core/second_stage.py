"""A VAE of codes: what samples codes of any distribution, once it is trained on some.

Source: Dai and Wipf 2019, section 4 and the authors' code.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from methods.core.base import Terms
from methods.core.distributions import gaussian
from methods.core.losses import gaussian_rate


class Joined(nn.Module):
    """Hidden layers of ReLUs, and a linear layer on what they return joined to their input."""

    def __init__(self, inputs: int, hidden: int, layers: int, outputs: int) -> None:
        super().__init__()
        sizes = [inputs] + [hidden] * (layers - 1)
        self.hidden = nn.Sequential(*[nn.Sequential(nn.Linear(size, hidden), nn.ReLU()) for size in sizes])
        self.last = nn.Linear(hidden + inputs, outputs)

    def forward(self, values: Float[Tensor, "B inputs"]) -> Float[Tensor, "B outputs"]:
        return self.last(torch.cat([self.hidden(values), values], 1))


class CodeDecoder(nn.Module):
    """p(z|u) = N(g(u), gamma^2 I). gamma starts at 1/e: from 1, codes of variance 1 left u unused."""

    def __init__(self, latent: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.mean = Joined(latent, hidden, layers, latent)
        self.log_gamma = nn.Parameter(torch.tensor(-1.0))

    def log_prob(self, z: Float[Tensor, "B latent"], u: Float[Tensor, "B latent"]) -> Float[Tensor, " B"]:
        """In nats a code."""
        errors = ((z - self.mean(u)) / self.log_gamma.exp()).square()
        return -(0.5 * errors + self.log_gamma + 0.5 * math.log(2 * math.pi)).sum(1)

    def sample(self, u: Float[Tensor, "B latent"]) -> Float[Tensor, "B latent"]:
        mean = self.mean(u)
        return mean + self.log_gamma.exp() * torch.randn_like(mean)


class SecondStage(Distribution):
    """Codes drawn through the second stage. They have no density in closed form."""

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}

    def __init__(self, decoder: CodeDecoder, latent: int) -> None:
        self.decoder = decoder
        super().__init__(torch.Size(), torch.Size([latent]), validate_args=False)

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = torch.Size()) -> Tensor:  # noqa: B008
        shape = self._extended_shape(torch.Size(sample_shape))
        u = torch.randn(shape, device=self.decoder.log_gamma.device, dtype=self.decoder.log_gamma.dtype)
        return self.decoder.sample(u.view(-1, shape[-1])).view(shape)


def second_terms(encoder: nn.Module, decoder: CodeDecoder, z: Float[Tensor, "B latent"]) -> Terms:
    """-E[log p(z|u)] + KL(q(u|z) || N(0, I)), sums over dimensions and means over codes, in nats."""
    posterior = gaussian(encoder(z))
    return {
        "second_reconstruction": -decoder.log_prob(z, posterior.rsample()).mean(),
        "second_rate": gaussian_rate(posterior).mean(),
    }
