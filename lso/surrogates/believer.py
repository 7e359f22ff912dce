"""A batch by greedy expected improvement, each point believed to cost what the process expects of it.

Source: the code of Kusner et al. 2017. Believing the mean leaves all means as they are, so that only variances change.
"""

from __future__ import annotations

import warnings

import torch
from botorch.acquisition.analytic import LogExpectedImprovement, PosteriorMean
from botorch.generation.gen import gen_candidates_scipy
from jaxtyping import Float
from torch import Tensor
from torch.linalg import solve_triangular

from lso.surrogates.single_codes import SingleCodes
from lso.surrogates.sparse import SparseGaussianProcess

_GRID = 10_000
_STALE = 100  # grid points whose value is computed anew at a time
_STEPS = 15  # of L-BFGS-B, from the grid's best point
_JITTER = 1e-6  # of the signal's variance


class Believer(SingleCodes):
    """A process that believes its own means at some points.

    Args:
        process: it.
        points: where (P, latent).
    """

    def __init__(self, process: SparseGaussianProcess, points: Float[Tensor, "P latent"]) -> None:
        super().__init__()
        self._process, self._points = process, points
        cross = process.cross(points)
        self._explained = process.explained(cross)
        own = process.kernel(points, points) - self._explained @ cross.T
        jitter = _JITTER * process.log_signal.exp() * torch.eye(len(own), dtype=own.dtype)
        self._root = torch.linalg.cholesky(own + jitter)

    def moments(self, codes: Float[Tensor, "*B 1 latent"]) -> tuple[Float[Tensor, "*B 1"], Float[Tensor, "*B 1"]]:
        cross = self._process.cross(codes)
        own = self._process.kernel(codes, self._points) - cross @ self._explained.T
        known = solve_triangular(self._root, own.transpose(-1, -2), upper=False).square().sum(-2)
        return self._process.mean(cross), self._process.variance(cross) - known


def greedy_batch(
    process: SparseGaussianProcess, bounds: Float[Tensor, "2 latent"], count: int, generator: torch.Generator
) -> Float[Tensor, "count latent"]:
    """Codes within bounds, each of which has the largest expected improvement given those before it.

    What is improved on is the least of the process's means, not of the costs.
    """
    uniform = torch.rand(_GRID, bounds.shape[1], dtype=bounds.dtype, generator=generator)
    grid = bounds[0] + uniform * (bounds[1] - bounds[0])
    means = PosteriorMean(process, maximize=False)
    incumbent = -_climb(means, bounds, grid[process.mean(process.cross(grid)).argmin()])[1]
    chosen = grid[:0]
    values = grid.new_full((_GRID,), torch.inf)
    for _ in range(count):
        model = Believer(process, chosen) if len(chosen) else process
        improvement = LogExpectedImprovement(model, best_f=incumbent, maximize=False)
        start = grid[_best(improvement, grid, values)]
        chosen = torch.cat([chosen, _climb(improvement, bounds, start)[0]])
    return chosen


@torch.no_grad()
def _best(improvement: LogExpectedImprovement, grid: Tensor, values: Tensor) -> int:
    """The place of the largest value. Those of earlier points of the batch are bounds, since variances only fall."""
    if values.isinf().all():
        values.copy_(improvement(grid[:, None]))
    while True:
        places = values.topk(_STALE).indices
        values[places] = improvement(grid[places, None])
        best = int(values.argmax())
        if best in places:
            return best


def _climb(acquisition: PosteriorMean | LogExpectedImprovement, bounds: Tensor, start: Tensor) -> tuple[Tensor, float]:
    """The (1, latent) code that L-BFGS-B ends at, and its value."""
    with warnings.catch_warnings(record=True):  # of steps that are no better, where the grid's point is best
        code, value = gen_candidates_scipy(
            start[None, None],
            acquisition,
            lower_bounds=bounds[0],
            upper_bounds=bounds[1],
            options={"maxiter": _STEPS},
            use_parallel_mode=False,
        )
    return code[0].detach(), float(value)
