"""Densities of codes: what draws codes for a method to decode. One a file, and the directory is the registry.

>>> import torch
>>> from pipelines import densities, datasets, load
>>> saved = load("results/my_vae")
>>> density = densities.fit("ex_post_gmm", saved.method, datasets.load("digits").data, seed=0)
>>> images = saved.method.decode(density.sample(torch.Size([64])))

Each module has a docstring and `fit(method, train) -> Distribution`. Nothing of it is saved with a method: the same
method, rows and seed give the same density again.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

from torch.distributions import Distribution

from methods.core.base import Data, Method
from methods.core.errors import unknown
from pipelines.densities import codes
from pipelines.metrics.isolation import isolated

_NOT_DENSITIES = {"codes"}


def names() -> list[str]:
    """Every density, by the name of its file."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in _NOT_DENSITIES)


def describe(name: str) -> str:
    """What the density is, in one line."""
    return (inspect.getdoc(_module(name)) or "").partition("\n")[0]


def fit(name: str, method: Method, data: Data, *, seed: int) -> Distribution:
    """The density `name` of the method's codes, with event shape (latent,), on the method's device.

    It can be sampled, and all but `second_stage` have a `log_prob`, unless codes have a category (such draws have no
    density). A conditional method's codes are those of all classes; its `decode` needs labels besides.
    The method is used in evaluation mode; its modes and torch's random state are left as they were.

    Args:
        data: the data set that the method was trained on; densities are fitted to its training rows.
        seed: of everything random in the fit.

    Raises:
        BadInput: an unknown name (the message names the nearest), too few rows, or codes that are not finite.
    """
    module = _module(name)
    train = data.train.to(next(method.parameters()).device)
    with isolated(method, seed):
        some = train.head(2)
        return codes.with_hard_categories(module.fit(method, train), method.posterior(some.grey, some.y))


def _module(name: str) -> ModuleType:
    if name not in names():
        raise unknown("density", name, names())
    return importlib.import_module(f"pipelines.densities.{name}")
