"""Which settings may change in the middle of training, with all that was learned so far kept.

Those of the optimizer's steps may, and the hyperparameters of a method on which nothing depends that is built at the
start: with the old value and with the new one, the same seed gives the same state, in names, shapes and values, and the
same of it is learned. This is found out by building the method for small data of no meaning.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Any

import torch

import methods
from methods.core.errors import BadInput
from methods.core.ranges import OneOf, declared
from pipelines import domains

if TYPE_CHECKING:
    from pipelines.trial import Trial

_OF_STEPS = ("batch_size", "clip", "learning_rate", "weight_decay")
"""What of a trial is used anew in every step, and by nothing else. The batch size is one of these: its meaning is how
many rows a gradient is taken over, and no state has its shape."""


def changeable(trial: Trial) -> list[str]:
    """The settings of `trial` that may change during its training, to any value of their range."""
    hyper = declared(methods.get(trial.method).__init__)
    spans = {name: entry.range for name, entry in hyper.items()}
    ends = {name: span.choices if isinstance(span, OneOf) else (span.low, span.high) for name, span in spans.items()}
    can = [name for name, values in ends.items() if all(carries_over(trial, trial.altered({name: v})) for v in values)]
    return sorted([*_OF_STEPS, *can])


def carries_over(before: Trial, after: Trial) -> bool:
    """Whether a run of `before` can go on as one of `after`, which has other settings."""
    free = {*_OF_STEPS, *before.hyper, "epochs", "earlier"}
    own, other = before.settings(), after.settings()
    if any(own.get(name) != other.get(name) for name in {*own, *other} - free):
        return False
    if before.hyper == after.hyper:
        return True
    built = _built(before)
    return bool(built) and built == _built(after)


def _built(trial: Trial) -> str:
    return _fingerprint(trial.method, trial.latent, tuple(sorted(trial.hyper.items())))


@functools.lru_cache(maxsize=4096)
def _fingerprint(method: str, latent: int, hyper: tuple[tuple[str, Any], ...]) -> str:
    """Of the state that a method has when it is built; empty where it cannot be."""
    few = domains.build("mlp", event=(1, 8, 8), rows=2000, classes=2, likelihood="bernoulli")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        try:
            built = methods.build(method, few, latent, **dict(hyper))
        except BadInput:
            return ""
    learned = {name for name, parameter in built.named_parameters() if parameter.requires_grad}
    digest = hashlib.sha256()
    for name, tensor in built.state_dict().items():
        digest.update(f"{name} {name in learned} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
