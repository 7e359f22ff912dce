"""What holds for the prior of every method: it is a density, and its draws follow it."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch
from scipy import stats

import methods
from methods.core.base import Data, Method
from methods.core.errors import BadInput
from methods.core.losses import has_rate
from methods.core.product import Product
from pipelines import datasets, networks

SMALL: dict[str, dict[str, object]] = {
    "adversarial_ae": {},
    "bype_vae": {"components": 20},
    "gmm_dae": {"components": 5, "spacing": 3.0},
    "hub_vae": {"components": 100, "hub_batch": 50},
    "vamp_prior": {"components": 50, "start": "data"},
}


def _build(name: str) -> Method:
    """In two dimensions, after the start of an epoch and the end of training on 100 digits."""
    torch.manual_seed(0)
    whole = datasets.load_once("digits").data
    data = Data(whole.train.head(100), whole.valid, whole.test)
    domain = networks.build("mlp", event=(1, 8, 8), rows=100, classes=2, likelihood="bernoulli")
    method = methods.build(name, domain, 2, **SMALL.get(name, {})).double()
    data = Data(*[type(part)(part.x.double(), part.grey.double(), part.y % 2) for part in (data.train,) * 3])
    with torch.no_grad():
        method.eval().start_epoch(0, data)
        for parameter in method.encoder.parameters():
            parameter.mul_(2)  # codes that are apart
        method.finish(data)
    return method


@functools.cache
def _continuous() -> list[str]:
    """Methods that can have two continuous dimensions, with a density."""
    found = []
    for name in methods.names():
        if name == "gmvae":  # 1,536 components at the least: see its own test
            continue
        try:
            prior = _build(name).prior()
        except BadInput:  # a category needs a dimension more
            continue
        if has_rate(prior) and not isinstance(prior, Product) and type(prior).__name__ != "Codebook":
            found.append(name)
    return found


def test_nearly_all_methods_have_such_a_prior() -> None:
    assert len(_continuous()) >= len(methods.names()) - 5


@pytest.mark.parametrize("name", _continuous())
@torch.no_grad()
def test_it_integrates_to_one_and_draws_fill_squares_as_often_as_it_says(name: str) -> None:
    """On a grid over the draws; then a chi-squared test of 20,000 draws in a coarser grid, at 1e-6."""
    prior = _build(name).prior()
    draws = prior.sample(torch.Size([20_000])).double().numpy()
    low, high = draws.min(0), draws.max(0)
    low, high = low - 0.3 * (high - low), high + 0.3 * (high - low)
    cells = 240
    axes = [np.linspace(low[i], high[i], cells + 1) for i in range(2)]
    centers = [torch.from_numpy((axis[1:] + axis[:-1]) / 2) for axis in axes]
    area = math.prod(axis[1] - axis[0] for axis in axes)
    mass = prior.log_prob(torch.cartesian_prod(*centers)).exp().view(cells, cells).numpy() * area
    assert mass.sum() == pytest.approx(1, abs=2e-3)
    coarse = mass.reshape(24, 10, 24, 10).sum((1, 3)).ravel()
    counts = np.histogram2d(draws[:, 0], draws[:, 1], [axes[0][::10], axes[1][::10]])[0].ravel()
    often = coarse * 20_000 >= 20
    found = np.append(counts[often], counts[~often].sum())
    expected = np.append(coarse[often], 1 - coarse[often].sum()) * 20_000
    assert stats.chisquare(found[expected > 0], expected[expected > 0]).pvalue > 1e-6
