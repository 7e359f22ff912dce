"""Network families for images: one family a file, and the directory is the registry.

A family is a `Domain`: it gives any method an encoder and a decoder that suit the data.
"""

from __future__ import annotations

import pkgutil

from methods.core.base import Domain
from methods.core.errors import unknown
from methods.core.registry import class_in
from pipelines.networks import likelihoods
from pipelines.networks.image import ImageDomain

_NOT_FAMILIES = {"image"}


def names() -> list[str]:
    """Every network family, by the name of its file."""
    files = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return sorted(name for name in files if name not in _NOT_FAMILIES)


def build(name: str, *, event: tuple[int, ...], rows: int, classes: int, likelihood: str) -> Domain:
    """The domain of data with these facts, with networks of the family `name`.

    Raises:
        BadInput: an unknown family or likelihood (the message names the nearest), or data that the family cannot take.
    """
    if name not in names():
        raise unknown("network", name, names())
    if likelihood not in likelihoods.names():
        raise unknown("likelihood", likelihood, likelihoods.names())
    family: type[ImageDomain] = class_in(f"pipelines.networks.{name}", ImageDomain)
    return family(event, rows, classes, likelihood)
