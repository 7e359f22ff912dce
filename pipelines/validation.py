"""The number that early stopping and adaptive schedules go by."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from methods.core.base import Method, Split
from methods.core.losses import has_rate, rate
from pipelines.metrics.isolation import isolated

_SEED = 0
_ROWS = 1000

_ANNEALED = ("annealing_epochs", "capacity_epochs", "stage_epochs", "warmup_epochs")
_STAGES = ("first_epochs",)


class Validation:
    """The validation objective: less is better, the same rows, binarization and noise every time.

    It is the method's own loss in evaluation mode. The loss of a method that anneals a weight, which is one with a
    hyperparameter `annealing_epochs`, `capacity_epochs`, `stage_epochs` or `warmup_epochs`, is another one in every
    epoch; in its place stands the negative elbo, in which every weight is one, if the method has an elbo.

    It is a mean over all rows of the split, `_ROWS` at a time whatever the trial's batch size, in float32. Neither the
    trial's seed nor anything drawn in training has an influence, and it leaves no trace in the method or in the random
    state.

    Args:
        split: the validation set, on the method's device.
        hyper: the method's hyperparameters.
    """

    def __init__(self, split: Split, hyper: Mapping[str, Any]) -> None:
        self._split = _binarized(split)
        self._annealed = any(name in hyper for name in _ANNEALED)

    def __call__(self, method: Method) -> float:
        """In nats a row where the objective is."""
        with isolated(method, _SEED):
            prior = _density(method, self._split.head(1)) if self._annealed else None
            sums = _losses(method, self._split) if prior is None else _negative_elbos(method, self._split, prior)
            return (torch.stack(list(sums)).double().sum() / len(self._split)).item()


def warmup(hyper: Mapping[str, Any]) -> int:
    """The epoch, counted from 1, from which on a method with these hyperparameters minimizes its final objective."""
    return max((int(hyper[name]) for name in (*_ANNEALED, *_STAGES) if name in hyper), default=0)


def _losses(method: Method, split: Split) -> Iterator[Tensor]:
    for number, batch in enumerate(split.batches(_ROWS)):
        # A seed for each batch, so that how much a method draws for one does not change the noise of the next.
        with isolated(method, _SEED + number):
            yield torch.stack(list(method.loss(batch).values())).detach().sum() * len(batch)


def _negative_elbos(method: Method, split: Split, prior: Distribution) -> Iterator[Tensor]:
    for number, batch in enumerate(split.batches(_ROWS)):
        with isolated(method, _SEED + number):
            posterior = method.posterior(batch.x, batch.y)
            z = posterior.sample()
            log_likelihood = method.log_likelihood(batch.x, z, batch.y)
            yield (rate(posterior, prior, z) - log_likelihood).sum()


def _density(method: Method, row: Split) -> Distribution | None:
    """The method's prior if there is an elbo under it."""
    batch = next(row.batches(1))
    prior = method.prior()
    return prior if has_rate(prior) and has_rate(method.posterior(batch.x, batch.y)) else None


def _binarized(split: Split) -> Split:
    """The split with its binarization drawn once."""
    if not split.redraw:
        return split
    generator = torch.Generator().manual_seed(_SEED)  # the CPU's, so that every device sees the same images
    x = torch.bernoulli(split.x.cpu(), generator=generator).to(split.x.device)
    return dataclasses.replace(split, x=x, redraw=False)
