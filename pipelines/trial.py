"""Everything that one training run depends on, in one value."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import methods
from methods.core.base import Data, Domain, Method
from methods.core.errors import BadInput, unknown
from methods.core.ranges import Integer, OneOf, Range, Real, declared, resolved
from pipelines import datasets, domains
from pipelines.acceleration import PRECISIONS
from pipelines.datasets.dataset import Dataset, unbinarized
from pipelines.earlier import Stage, parse, reduced, written
from pipelines.earlier import check as check_earlier
from pipelines.optimizers import ALGORITHMS
from pipelines.schedules import Schedules


@dataclass(frozen=True)
class Trial:
    """A run. Equal trials give equal results on equal hardware.

    Build one with `trial(...)`, which checks every value and fills in the defaults of the method.

    Attributes:
        data: a data set, one of `pipelines.datasets.names()`, or a share of its training rows, such as `usps@0.1`, or
            a file of strings, such as `smiles_selfies:molecules.txt`.
        method: one of `methods.names()`.
        hyper: the method's hyperparameters, all of them.
        network: a network family, one of `pipelines.domains.families()`.
        likelihood: one of `pipelines.domains.likelihoods()`, or None for the data set's own.
        pixels: what the likelihood sees: `own`, what the data set's field does (MNIST is binarized anew in every
            epoch), or `grey`, the intensities in any case.
        latent: size of a code.
        epochs: passes over the training set.
        batch_size: rows in an optimizer step.
        learning_rate: of the optimizer.
        optimizer: `adam`, `adamw` or `adam_norm_grad`, as `pipelines.optimizers` has them.
        weight_decay: of the optimizer.
        clip: the most that the norm of a step's gradients may be, all together; 0 for no limit.
        schedule: of the learning rate, as `pipelines.schedules` has it; in full, such as `plateau:0.5@5`.
        patience: stop after so many epochs without a better validation objective, 0 for never. Epochs while a method
            warms up do not count. With a patience, or a schedule that goes by the validation objective too, the best
            weights are the result: a patience of `epochs` keeps them and never stops.
        precision: `float32`, or `bfloat16` for the networks in training.
        compile: translate the networks by `torch.compile`.
        earlier: settings that were otherwise in earlier epochs, as `pipelines.earlier` has it, such as `5:beta=1.0`:
            beta was 1.0 in the first 5 epochs. Empty where all epochs are alike.
        seed: of everything random in the run: first weights, order of rows, noise.
    """

    data: str
    method: str
    hyper: Mapping[str, Any] = field(default_factory=dict)
    network: str = "gated_mlp"
    likelihood: str | None = None
    pixels: Annotated[str, OneOf("own", "grey")] = "own"
    latent: Annotated[int, Integer(2, 64, log=True, least=1, most=4096)] = 20
    epochs: Annotated[int, Integer(5, 200, log=True, least=1, most=100_000)] = 20
    batch_size: Annotated[int, Integer(32, 512, log=True, least=1, most=100_000)] = 100
    learning_rate: Annotated[float, Real(1e-4, 1e-2, log=True, least=1e-8, most=10)] = 1e-3
    optimizer: Annotated[str, OneOf(*ALGORITHMS)] = "adam"
    weight_decay: Annotated[float, Real(1e-6, 1e-2, log=True, least=0, most=10)] = 0.0
    clip: Annotated[float, Real(0.5, 20, log=True, least=0, most=1e9)] = 0.0
    schedule: Annotated[str, Schedules()] = "constant"
    patience: Annotated[int, Integer(5, 50, log=True, least=0, most=100_000)] = 0
    precision: Annotated[str, OneOf(*PRECISIONS)] = "float32"
    compile: Annotated[bool, OneOf(False, True)] = False
    earlier: str = ""
    seed: Annotated[int, Integer(0, 2**31 - 1)] = 0

    def __hash__(self) -> int:
        # By all settings, as equality is: a dict such as `hyper` has no hash of its own.
        return hash(frozenset(self.settings().items()))

    @property
    def identity(self) -> str:
        """16 hex digits that differ between trials that differ."""
        return _digest(self.settings())

    @property
    def configuration(self) -> str:
        """The identity of this trial's configuration: equal for trials that differ in the seed alone."""
        return _digest({name: value for name, value in self.settings().items() if name != "seed"})

    def settings(self) -> dict[str, Any]:
        """All settings, flat: the fields and the hyperparameters side by side; `earlier` where there is something."""
        own = {name: getattr(self, name) for name in _fields(self) if name != "earlier" or self.earlier}
        return own | dict(self.hyper)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The epochs in which settings were otherwise."""
        return parse(self.earlier, _ranges(self.method)) if self.earlier else ()

    def at(self, epoch: int) -> Trial:
        """The trial whose settings hold in an epoch, counted from 0: this one, where all epochs are alike."""
        if not self.earlier:
            return self
        stage = next((stage for stage in self.stages if epoch < stage.end), None)
        return self.altered({"earlier": ""} | dict(stage.settings if stage else {}))

    def altered(self, settings: Mapping[str, Any]) -> Trial:
        """The same but for these settings, which are not checked."""
        own = {name: value for name, value in settings.items() if name not in self.hyper}
        hyper = {name: settings.get(name, value) for name, value in self.hyper.items()}
        return dataclasses.replace(self, hyper=hyper, **own)

    def continued(self, epochs: int, settings: Mapping[str, Any]) -> Trial:
        """The trial that goes as this one to its end, and from there on to `epochs` with other `settings`.

        Raises:
            BadInput: settings that cannot change during training, or that are out of range.
        """
        own = self.settings()
        until = {name: own[name] for name in settings}
        stages = [Stage(stage.end, until | dict(stage.settings)) for stage in self.stages]
        text = written([*stages, Stage(self.epochs, until)])
        return trial(own | dict(settings) | {"epochs": epochs, "earlier": text})

    def continues(self, other: Trial) -> bool:
        """Whether a run of `other` is the beginning of a run of this one."""
        same = {"epochs": self.epochs, "earlier": ""}
        changes = {0, *(stage.end for each in (self, other) for stage in each.stages)}
        alike = (self.at(e).altered(same) == other.at(e).altered(same) for e in changes if e < other.epochs)
        return other.epochs <= self.epochs and all(alike)

    def rows(self, dataset: Dataset) -> Data:
        """The rows of the trial's data set as the trial sees them."""
        return unbinarized(dataset.data) if self.pixels == "grey" else dataset.data

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
    fields = set(_fields(Trial))
    found = methods.get(_name("method", settings["method"], methods.names()))
    hyper = declared(found.__init__)
    for name in settings:
        if name not in fields and name not in hyper:
            raise unknown(f"setting of {settings['method']}", name, fields | set(hyper))
    own = {name: value for name, value in settings.items() if name in fields}
    datasets.check(own["data"])
    _name("network", own.get("network", Trial.network), domains.families())
    if own.get("likelihood") is not None:
        _name("likelihood", own["likelihood"], domains.likelihoods())
    for name, entry in declared(Trial).items():
        own[name] = entry.range.check(name, own.get(name, entry.default))
    given = {name: value for name, value in settings.items() if name in hyper}
    text = own.pop("earlier", "")
    plain = Trial(**own, hyper=resolved(str(own["method"]), found.__init__, given))
    return _with_earlier(plain, text) if text != "" else plain


def searchable(method: str) -> dict[str, Any]:
    """Declared ranges by setting: those of the trial itself and those of the method."""
    return declared(Trial) | declared(methods.get(method).__init__)


def _with_earlier(plain: Trial, text: object) -> Trial:
    """The trial with `earlier` in its shortest form, checked."""
    stages = parse(str(text), _ranges(plain.method))
    found = dataclasses.replace(plain, earlier=written(reduced(stages, plain.settings())))
    check_earlier(found)
    return found


def _ranges(method: str) -> dict[str, Range]:
    return {name: entry.range for name, entry in searchable(method).items()}


def _fields(of: Trial | type[Trial]) -> list[str]:
    """The names of a trial's settings beside the hyperparameters."""
    return [entry.name for entry in dataclasses.fields(of) if entry.name != "hyper"]


def _name(kind: str, value: object, known: list[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise unknown(kind, value, known)
    return value


def _digest(settings: Mapping[str, Any]) -> str:
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
