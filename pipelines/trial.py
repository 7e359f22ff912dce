"""Everything that one training run depends on, in one value."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import methods
from methods.core.base import Domain, Method
from methods.core.errors import BadInput, unknown
from methods.core.ranges import Integer, Real, declared, resolved
from pipelines import datasets, networks
from pipelines.networks import likelihoods


@dataclass(frozen=True)
class Trial:
    """A run. Equal trials give equal results on equal hardware.

    Build one with `trial(...)`, which checks every value and fills in the defaults of the method.

    Attributes:
        data: a data set, one of `pipelines.datasets.names()`.
        method: one of `methods.names()`.
        hyper: the method's hyperparameters, all of them.
        network: a network family, one of `pipelines.networks.names()`.
        likelihood: one of `pipelines.networks.likelihoods.names()`, or None for the data set's own.
        latent: size of a code.
        epochs: passes over the training set.
        batch_size: rows in an optimizer step.
        learning_rate: of Adam.
        seed: of everything random in the run: first weights, order of rows, noise.
    """

    data: str
    method: str
    hyper: Mapping[str, Any] = field(default_factory=dict)
    network: str = "gated_mlp"
    likelihood: str | None = None
    latent: Annotated[int, Integer(2, 64, log=True, least=1, most=4096)] = 20
    epochs: Annotated[int, Integer(5, 200, log=True, least=1, most=100_000)] = 20
    batch_size: Annotated[int, Integer(32, 512, log=True, least=1, most=100_000)] = 100
    learning_rate: Annotated[float, Real(1e-4, 1e-2, log=True, least=1e-8, most=10)] = 1e-3
    seed: Annotated[int, Integer(0, 2**31 - 1)] = 0

    @property
    def identity(self) -> str:
        """16 hex digits that differ between trials that differ."""
        return _digest(self.settings())

    @property
    def configuration(self) -> str:
        """The identity of this trial's configuration: equal for trials that differ in the seed alone."""
        return _digest({name: value for name, value in self.settings().items() if name != "seed"})

    def settings(self) -> dict[str, Any]:
        """All settings, flat: the fields and the hyperparameters side by side."""
        own = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self) if entry.name != "hyper"}
        return own | dict(self.hyper)

    def build(self, domain: Domain) -> Method:
        """The untrained method; its first weights follow torch's current seed."""
        return methods.build(self.method, domain, self.latent, **self.hyper)


def trial(settings: Mapping[str, Any]) -> Trial:
    """A trial from flat settings, each checked; what is not given has its default.

    Raises:
        BadInput: a missing data set or method, an unknown name (with the nearest real one), or a value out of range.
    """
    for needed in ("data", "method"):
        if needed not in settings:
            raise BadInput(f"a trial needs {needed!r}: none was given")
    fields = {entry.name for entry in dataclasses.fields(Trial)} - {"hyper"}
    found = methods.get(_name("method", settings["method"], methods.names()))
    hyper = declared(found.__init__)
    for name in settings:
        if name not in fields and name not in hyper:
            raise unknown(f"setting of {settings['method']}", name, fields | set(hyper))
    own = {name: value for name, value in settings.items() if name in fields}
    _name("data set", own["data"], datasets.names())
    _name("network", own.get("network", Trial.network), networks.names())
    if own.get("likelihood") is not None:
        _name("likelihood", own["likelihood"], likelihoods.names())
    for name, entry in declared(Trial).items():
        own[name] = entry.range.check(name, own.get(name, entry.default))
    given = {name: value for name, value in settings.items() if name in hyper}
    return Trial(**own, hyper=resolved(str(own["method"]), found.__init__, given))


def searchable(method: str) -> dict[str, Any]:
    """Declared ranges by setting: those of the trial itself and those of the method."""
    return declared(Trial) | declared(methods.get(method).__init__)


def _name(kind: str, value: object, known: list[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise unknown(kind, value, known)
    return value


def _digest(settings: Mapping[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
