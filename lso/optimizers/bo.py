"""Bayesian optimization in the latent space by BoTorch: an exact Gaussian process and Thompson sampling.

Codes are those that strings encode to, in a cube; costs are flattened, winsorized and standardized. Lengths have priors
that grow with the dimension (Hvarfner et al. 2024, BoTorch's default). Each member of a batch maximizes another draw of
the function, drawn pathwise (Wilson et al. 2020): first among points of the whole cube and around the best, then by
gradients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from botorch.generation.gen import gen_candidates_scipy
from botorch.models import SingleTaskGP
from botorch.optim.fit import fit_gpytorch_mll_scipy
from botorch.optim.initializers import sample_perturbed_subset_dims
from botorch.sampling.pathwise import draw_matheron_paths
from botorch.utils.sampling import draw_sobol_samples, manual_seed
from gpytorch.mlls import ExactMarginalLogLikelihood
from jaxtyping import Float
from torch import Tensor

from lso.codes import Codes
from lso.neighborhood import moments
from lso.search import Search
from lso.task import Values

_BEST, _RANDOM, _NEW = 150, 50, 800  # points of the process: best and random ones of the start, and those found
_LEAST = 2  # points that a process is made of
_WORST = 0.9  # quantile of the costs that none is above
_REACH = 2.0  # half of the cube's edge, in standard deviations of the start's codes
_CANDIDATES = 1000  # in the whole cube, and as many around the best
_CENTERS, _SIGMA = 10, 0.1  # how many are the best, and how far around is
_DRAWN = 4  # draws for each call, since some lead to strings that were seen
_FIRST, _LATER, _CLIMB = 30, 10, 10  # steps of L-BFGS-B: of the first fit, of later ones, and on a draw


def optimize(search: Search) -> None:
    """Score what draws of the function have their maxima at; draws from the prior, where those lead to nothing new."""
    mean, spread = moments(search)
    edge, start, fitted = 2 * _REACH * spread, _start(search), None
    for random in search.rounds():
        codes, costs = _known(search, start)
        seed, done = int(random.integers(1 << 31)), False
        if len(codes) >= _LEAST:
            cube = torch.from_numpy((codes - mean) / edge + 0.5).clamp(0, 1)
            with manual_seed(seed):
                model, fitted = fit(cube, torch.from_numpy(-_winsorized(costs)), fitted)
                found = maxima(model, cube[np.argsort(costs, kind="stable")[:_CENTERS]], _DRAWN * search.batch)
            done = _score(search, mean + (found.numpy() - 0.5) * edge, "thompson")
        if not done:
            _score(search, search.space.prior(search.batch, seed=seed), "prior")


def _score(search: Search, codes: Codes, source: str) -> bool:
    """Score a batch of what is new among what codes decode to; whether anything is."""
    strings = search.space.decode(codes)
    chosen = search.fresh(strings, most=search.batch)
    if chosen:
        search.score([strings[place] for place in chosen], source=source, codes=codes[chosen])
    return bool(chosen)


def fit(
    x: Float[Tensor, "N latent"], y: Float[Tensor, " N"], before: dict[str, Any] | None
) -> tuple[SingleTaskGP, dict[str, Any]]:
    """A process fitted by its marginal likelihood with the priors, and its kernel for the next fit to begin with."""
    model = SingleTaskGP(x, y[:, None])
    if before is not None:
        model.covar_module.load_state_dict(before)
    steps = _FIRST if before is None else _LATER
    fit_gpytorch_mll_scipy(ExactMarginalLogLikelihood(model.likelihood, model), options={"maxiter": steps})
    return model.eval(), model.covar_module.state_dict()


def maxima(model: SingleTaskGP, best: Float[Tensor, "B latent"], count: int) -> Float[Tensor, "count latent"]:
    """Where `count` draws of the function are largest, in the cube."""
    paths = draw_matheron_paths(model, sample_shape=torch.Size([count]))
    bounds = torch.stack([torch.zeros_like(best[0]), torch.ones_like(best[0])])
    everywhere = draw_sobol_samples(bounds, n=_CANDIDATES, q=1)[:, 0]
    around = sample_perturbed_subset_dims(best, bounds, n_discrete_points=_CANDIDATES, sigma=_SIGMA)
    candidates = torch.cat([everywhere, around])
    with torch.no_grad():
        starts = candidates[paths(candidates).argmax(-1)]
    settings = {"maxiter": _CLIMB}
    climbed, _ = gen_candidates_scipy(starts[:, None], paths, 0.0, 1.0, options=settings, use_parallel_mode=False)
    return climbed[:, 0].detach()


def _start(search: Search) -> tuple[list[str], Values]:
    """Best and random strings of the start, and their costs."""
    costs = search.start_costs
    random = np.random.default_rng([search.seed, 1 << 25]).permutation(len(costs))[:_RANDOM]
    rows = np.union1d(np.argsort(costs, kind="stable")[:_BEST], random)
    return [search.start.strings[row] for row in rows], costs[rows]


def _known(search: Search, start: tuple[list[str], Values]) -> tuple[Values, Values]:
    """Codes of what was scored, re-encoded from the strings, and costs on a scale that a smooth model can follow."""
    new = np.argsort(search.costs, kind="stable")[:_NEW]
    codes = search.space.encode(start[0] + [search.strings[place] for place in new])
    costs = search.task.flattened(np.concatenate([start[1], search.costs[new]]))
    whole = np.isfinite(codes).all(1)
    return codes[whole], costs[whole]


def _winsorized(costs: Values) -> Values:
    return costs.clip(max=np.quantile(costs, _WORST))
