"""Network families for strings: one family a file, and the directory is the registry.

A family is a `Domain`, as for images, under the same name where the networks are alike. The likelihood of such data
names a language (`languages.names()`), which knows what sequences of symbols are strings.
"""

from __future__ import annotations

import pkgutil

from methods.core.base import Domain
from methods.core.errors import BadInput, unknown
from methods.core.registry import class_in
from pipelines.sequences import languages
from pipelines.sequences.domain import SequenceDomain


def names() -> list[str]:
    """Every family of sequence networks, by the name of its file."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def build(name: str, *, event: tuple[int, ...], rows: int, classes: int, likelihood: str) -> Domain:
    """The domain of sequences with these facts, with networks of the family `name`.

    Args:
        event: length of a sequence and number of symbols.
        likelihood: one of `languages.likelihoods()`.

    Raises:
        BadInput: an unknown family or language, or data in another language.
    """
    if name not in names():
        raise unknown("network for sequences", name, names())
    if likelihood not in languages.likelihoods():
        raise unknown("likelihood", likelihood, languages.likelihoods())
    symbols = languages.language(likelihood, event[0]).symbols
    if event[1:] != (symbols,):
        raise BadInput(f"{likelihood} has {symbols} symbols, and the data have rows of shape {event}: choose another")
    family: type[SequenceDomain] = class_in(f"pipelines.sequences.networks.{name}", SequenceDomain)
    return family(event, rows, classes, likelihood)
