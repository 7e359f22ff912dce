"""Every kind of data with networks that suit it: images (`pipelines.networks`) and strings (`pipelines.sequences`)."""

from __future__ import annotations

from methods.core.base import Domain
from methods.core.errors import unknown
from pipelines import networks
from pipelines.networks.likelihoods import names as image_likelihoods
from pipelines.sequences import networks as sequence_networks
from pipelines.sequences.languages import likelihoods as sequence_likelihoods


def families() -> list[str]:
    """Every network family, of images or of strings; some names are in both."""
    return sorted({*networks.names(), *sequence_networks.names()})


def likelihoods() -> list[str]:
    """Every likelihood. Those of strings name a language."""
    return sorted([*image_likelihoods(), *sequence_likelihoods()])


def build(name: str, *, event: tuple[int, ...], rows: int, classes: int, likelihood: str) -> Domain:
    """The domain of data with these facts, with networks of the family `name`.

    Raises:
        BadInput: an unknown family or likelihood (the message names the nearest), or data that they cannot take.
    """
    if likelihood not in likelihoods():
        raise unknown("likelihood", likelihood, likelihoods())
    kind = sequence_networks if likelihood in sequence_likelihoods() else networks
    return kind.build(name, event=event, rows=rows, classes=classes, likelihood=likelihood)
