"""Regularized autoencoders: one method a file, and the directory is the registry.

>>> import methods
>>> methods.get("beta_vae").__name__
'BetaVAE'
"""

from __future__ import annotations

import functools
import pkgutil

from methods.core.base import Domain, Method
from methods.core.errors import unknown
from methods.core.ranges import resolved
from methods.core.registry import class_in


def names() -> list[str]:
    """Every method, by the name of its file."""
    return list(_names())


@functools.cache
def _names() -> tuple[str, ...]:
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg))


def get(name: str) -> type[Method]:
    """The method that `methods/<name>.py` defines.

    Raises:
        BadInput: there is no such file; the message names the nearest.
    """
    if name not in names():
        raise unknown("method", name, names())
    found: type[Method] = class_in(f"methods.{name}", Method)
    return found


def build(name: str, domain: Domain, latent: int, **hyper: object) -> Method:
    """A fresh, untrained method with checked hyperparameters; its weights follow torch's current seed.

    Raises:
        BadInput: an unknown method or hyperparameter, or a value outside its range.
    """
    found = get(name)
    return found(domain, latent, **resolved(name, found.__init__, hyper))
