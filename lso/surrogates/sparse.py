"""A sparse Gaussian process for many thousands of codes, which BoTorch can optimize acquisition functions on.

Source: Titsias 2009. The variational posterior of the inducing values is the best one, which has a closed form, where
Kusner et al. 2017 step towards it by power expectation propagation. What is theirs: prior mean 0, costs as they are,
noise of variance 1 at first, and an RBF kernel with a length for every dimension, all of the same value at first. Their
signal begins with variance 1 too; here it is the mean square of the costs, which may be of any size.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.linalg import solve_triangular

from lso.surrogates.single_codes import SingleCodes

_JITTER = 1e-6  # of the signal's variance
_PART = 5000  # rows at a time, where all are used


class SparseGaussianProcess(SingleCodes):
    """A posterior over functions of codes. Lengths, signal, noise and the inducing points are parameters.

    Args:
        codes: of the training data (N, latent), in float64.
        costs: theirs, (N,).
        inducing: how many inducing points there are: random rows at first, all rows where there are fewer.
        generator: of the random choices.
    """

    def __init__(
        self,
        codes: Float[Tensor, "N latent"],
        costs: Float[Tensor, " N"],
        *,
        inducing: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        points = codes[torch.randperm(len(codes), generator=generator)[:inducing]].clone()
        squared = torch.pdist(points).square().median() if len(points) > 1 else codes.new_ones(())
        self.points = torch.nn.Parameter(points)
        self.log_lengths = torch.nn.Parameter((squared / 2).clamp(min=1e-12).log().div(2).repeat(codes.shape[1]))
        self.log_signal = torch.nn.Parameter(costs.square().mean().clamp(min=1e-12).log())
        self.log_noise = torch.nn.Parameter(codes.new_zeros(()))
        self._codes, self._costs, self._generator = codes, costs, generator

    def fit(self, *, steps: int, rate: float, batch: int) -> None:
        """Climb the bound by Adam, each step on that of a random `batch` of rows; then learn from all of them."""
        adam = torch.optim.Adam(self.parameters(), rate)
        for _ in range(steps):
            rows = torch.randperm(len(self._codes), generator=self._generator)[:batch]
            adam.zero_grad()
            (-self.bound(self._codes[rows], self._costs[rows]) / len(rows)).backward()
            adam.step()
        self.requires_grad_(False)
        self._learn()

    def bound(self, codes: Float[Tensor, "B latent"], costs: Float[Tensor, " B"]) -> Float[Tensor, ""]:
        """A lower bound of the log density of these costs, in nats (Titsias 2009, Eq. 9)."""
        noise, count = self.log_noise.exp(), len(codes)
        whitened = solve_triangular(self._root(), self.cross(codes).T, upper=False) / noise.sqrt()
        eye = torch.eye(len(whitened), dtype=codes.dtype)
        square = whitened @ whitened.T
        inner = torch.linalg.cholesky(eye + square)
        target = solve_triangular(inner, (whitened @ costs)[:, None], upper=False) / noise.sqrt()
        density = -0.5 * count * torch.log(2 * torch.pi * noise) - inner.diagonal().log().sum()
        distance = (costs @ costs + count * self.log_signal.exp()) / noise
        return density - 0.5 * distance + 0.5 * target.square().sum() + 0.5 * square.trace()

    def cross(self, codes: Float[Tensor, "*B latent"]) -> Float[Tensor, "*B M"]:
        """Prior covariances with the inducing points, which is all that the posterior sees of codes."""
        return self.kernel(codes, self.points)

    def mean(self, cross: Float[Tensor, "*B M"]) -> Float[Tensor, "*B"]:
        """Expected costs, of such covariances."""
        return cross @ self._weights

    def variance(self, cross: Float[Tensor, "*B M"]) -> Float[Tensor, "*B"]:
        """Posterior variances of the function, without noise."""
        return self.log_signal.exp() - ((cross @ self._explained) * cross).sum(-1)

    def explained(self, cross: Float[Tensor, "B M"]) -> Float[Tensor, "B M"]:
        """Whose inner products with other such covariances are what the posterior takes off the prior's."""
        return cross @ self._explained

    def moments(self, codes: Float[Tensor, "*B 1 latent"]) -> tuple[Float[Tensor, "*B 1"], Float[Tensor, "*B 1"]]:
        cross = self.cross(codes)
        return self.mean(cross), self.variance(cross)

    def kernel(self, one: Float[Tensor, "*A latent"], other: Float[Tensor, "B latent"]) -> Float[Tensor, "*A B"]:
        """Prior covariances."""
        a, b = one / self.log_lengths.exp(), other / self.log_lengths.exp()
        squared = a.square().sum(-1, keepdim=True) + b.square().sum(-1) - 2 * a @ b.T
        return (self.log_signal - squared.clamp(min=0) / 2).exp()

    def _learn(self) -> None:
        """The posterior of the inducing values, from all rows."""
        root, noise = self._root(), self.log_noise.exp()
        eye = torch.eye(len(root), dtype=root.dtype)
        square, product = torch.zeros_like(root), torch.zeros_like(root[0])
        for rows, values in zip(self._codes.split(_PART), self._costs.split(_PART), strict=True):
            cross = self.cross(rows)
            square += cross.T @ cross
            product += cross.T @ values
        half = solve_triangular(root, square, upper=False)
        inner = torch.linalg.cholesky(eye + solve_triangular(root, half.T, upper=False) / noise)
        prior = solve_triangular(root, eye, upper=False)
        left = solve_triangular(inner, prior, upper=False)
        self._explained = prior.T @ prior - left.T @ left
        self._weights = left.T @ (left @ product) / noise

    def _root(self) -> Tensor:
        """The Cholesky factor of the inducing points' covariance."""
        own = self.cross(self.points)
        jitter = _JITTER * self.log_signal.exp() * torch.eye(len(own), dtype=own.dtype)
        return torch.linalg.cholesky(own + jitter)
