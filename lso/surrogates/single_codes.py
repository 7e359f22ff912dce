"""What BoTorch wants of a model, for models of one output that are asked for single codes."""

from __future__ import annotations

from abc import abstractmethod

import torch
from botorch.models.model import Model
from botorch.posteriors.gpytorch import GPyTorchPosterior
from gpytorch.distributions import MultivariateNormal
from jaxtyping import Float
from torch import Tensor

_LEAST = 1e-12  # variance


class SingleCodes(Model):
    """A model by its mean and variance at a code, which is all that acquisition functions of one point ask for."""

    @abstractmethod
    def moments(self, codes: Float[Tensor, "*B 1 latent"]) -> tuple[Float[Tensor, "*B 1"], Float[Tensor, "*B 1"]]:
        """Mean and variance of the function at every code."""

    @property
    def num_outputs(self) -> int:
        return 1

    @property
    def batch_shape(self) -> torch.Size:
        return torch.Size()

    def posterior(
        self,
        X: Float[Tensor, "*B 1 latent"],  # noqa: N803, since BoTorch calls it by this name
        output_indices: list[int] | None = None,
        observation_noise: bool | Tensor = False,
        posterior_transform: None = None,
    ) -> GPyTorchPosterior:
        """Of single codes."""
        mean, variance = self.moments(X)
        return GPyTorchPosterior(MultivariateNormal(mean, variance.clamp(min=_LEAST)[..., None]))
